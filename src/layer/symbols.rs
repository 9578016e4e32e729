//! Small numbers for attribute values, so that a slot holds them and a series is found by comparing words.
//!
//! Whole numbers from 0 to 2^31 - 3 are their own symbol. All other values are interned in a shared table that holds
//! the values of two periods: when [`PERIOD`] new values have come, those that nobody used in the period before are
//! forgotten. Symbols are never given twice, so that a span which outlives its value's symbol loses the value (counted)
//! but never gets another's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::Value;

use crate::model::Number;

/// Interned values that begin a new period; twice as many are held at most.
const PERIOD: usize = 8_192;
/// Marks an interned symbol.
const INTERNED: u32 = 1 << 31;
const FALSE: Symbol = Symbol(INTERNED);
const TRUE: Symbol = Symbol(INTERNED + 1);
/// What is given once 2^31 values have been seen.
const EXHAUSTED: Symbol = Symbol(u32::MAX);

/// Stands for an attribute value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Symbol(pub(super) u32);

impl Symbol {
    /// No value.
    pub(super) const ABSENT: Self = Self(0);

    /// A whole number that is its own symbol.
    #[inline]
    pub(super) fn small(value: i64) -> Option<Self> {
        u32::try_from(value).ok().filter(|value| *value < INTERNED - 2).map(|value| Self(value + 1))
    }

    #[inline]
    pub(super) fn is_absent(self) -> bool {
        self == Self::ABSENT
    }
}

impl From<bool> for Symbol {
    fn from(value: bool) -> Self {
        if value { TRUE } else { FALSE }
    }
}

/// The values of one telemetry instance.
#[derive(Debug)]
pub(super) struct Symbols {
    tables: RwLock<Tables>,
    period: AtomicU32,
}

#[derive(Debug)]
struct Tables {
    current: Table,
    previous: Table,
    next: u32,
}

#[derive(Debug, Default)]
struct Table {
    texts: HashMap<Arc<str>, Symbol>,
    /// Bits of numbers; `true` for floats.
    numbers: HashMap<(bool, u64), Symbol>,
    text_of: HashMap<Symbol, Arc<str>>,
    number_of: HashMap<Symbol, (bool, u64)>,
}

#[derive(Debug, Clone)]
enum Interned {
    Text(Arc<str>),
    Number(bool, u64),
}

impl Symbols {
    pub(super) fn new() -> Self {
        let tables = Tables { current: Table::default(), previous: Table::default(), next: TRUE.0 + 1 };
        Self { tables: RwLock::new(tables), period: AtomicU32::new(0) }
    }

    /// Changes when values have been forgotten: caches drop what they hold, so that values in use are seen again.
    #[inline]
    pub(super) fn period(&self) -> u32 {
        self.period.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn integer(&self, value: i64) -> Symbol {
        Symbol::small(value).unwrap_or_else(|| self.number(false, value.cast_unsigned()))
    }

    pub(super) fn float(&self, value: f64) -> Symbol {
        self.number(true, value.to_bits())
    }

    /// The symbol of a text, and the text to keep beside it.
    #[cold]
    #[inline(never)]
    pub(super) fn text(&self, text: &str) -> (Symbol, Arc<str>) {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, symbol)) = tables.current.texts.get_key_value(text) {
            return (*symbol, Arc::clone(known));
        }
        drop(tables);
        let text = Arc::from(text);
        (self.intern(Interned::Text(Arc::clone(&text))), text)
    }

    fn number(&self, float: bool, bits: u64) -> Symbol {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbol) = tables.current.numbers.get(&(float, bits)) {
            return *symbol;
        }
        drop(tables);
        self.intern(Interned::Number(float, bits))
    }

    /// The value that a symbol stands for; `None` for no value, and for one forgotten meanwhile.
    pub(super) fn value(&self, symbol: Symbol) -> Option<Value> {
        match symbol {
            Symbol::ABSENT => None,
            FALSE => Some(Value::Bool(false)),
            TRUE => Some(Value::Bool(true)),
            Symbol(small) if small < INTERNED => Some(Value::I64(i64::from(small) - 1)),
            interned => {
                let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
                tables.current.value(interned).or_else(|| tables.previous.value(interned))
            }
        }
    }

    /// The number that a symbol stands for; `None` for anything else.
    #[inline]
    pub(super) fn number_of(&self, symbol: Symbol) -> Option<Number> {
        match self.value(symbol)? {
            Value::I64(value) => Some(Number::I64(value)),
            Value::F64(value) => Some(Number::F64(value)),
            _ => None,
        }
    }

    fn intern(&self, value: Interned) -> Symbol {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(added_meanwhile) = tables.current.find(&value) {
            return added_meanwhile;
        }
        if tables.current.len() >= PERIOD {
            tables.previous = std::mem::take(&mut tables.current);
            self.period.fetch_add(1, Ordering::Relaxed);
        }
        // A value of the period before keeps its symbol.
        let symbol = tables.previous.find(&value).unwrap_or_else(|| tables.next());
        if symbol != EXHAUSTED {
            tables.current.insert(symbol, value);
        }
        symbol
    }
}

impl Tables {
    fn next(&mut self) -> Symbol {
        let symbol = Symbol(self.next);
        self.next = self.next.saturating_add(1);
        symbol
    }
}

impl Table {
    fn find(&self, value: &Interned) -> Option<Symbol> {
        match value {
            Interned::Text(text) => self.texts.get(text).copied(),
            Interned::Number(float, bits) => self.numbers.get(&(*float, *bits)).copied(),
        }
    }

    fn insert(&mut self, symbol: Symbol, value: Interned) {
        match value {
            Interned::Text(text) => {
                self.texts.insert(Arc::clone(&text), symbol);
                self.text_of.insert(symbol, text);
            }
            Interned::Number(float, bits) => {
                self.numbers.insert((float, bits), symbol);
                self.number_of.insert(symbol, (float, bits));
            }
        }
    }

    fn value(&self, symbol: Symbol) -> Option<Value> {
        if let Some(text) = self.text_of.get(&symbol) {
            return Some(Value::String(Arc::clone(text).into()));
        }
        self.number_of.get(&symbol).map(|(float, bits)| match float {
            true => Value::F64(f64::from_bits(*bits)),
            false => Value::I64(bits.cast_signed()),
        })
    }

    fn len(&self) -> usize {
        self.text_of.len() + self.number_of.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_with_its_type() {
        let symbols = Symbols::new();
        let mut seen = std::collections::HashSet::new();
        for value in [0, 1, -1, 200, (1 << 31) - 3, (1 << 31) - 2, i64::MAX, i64::MIN] {
            let symbol = symbols.integer(value);
            assert_eq!(symbols.value(symbol), Some(Value::I64(value)));
            assert!(seen.insert(symbol) && symbol == symbols.integer(value));
        }
        for value in [0.0, -0.0, 1.5, f64::INFINITY] {
            let symbol = symbols.float(value);
            assert_eq!(symbols.value(symbol), Some(Value::F64(value)));
            assert!(seen.insert(symbol) && symbol == symbols.float(value));
        }
        for text in ["", "GET", "1"] {
            let (symbol, kept) = symbols.text(text);
            assert_eq!((symbols.value(symbol), &*kept), (Some(Value::String(text.into())), text));
            assert!(seen.insert(symbol) && symbol == symbols.text(text).0);
        }
        assert_eq!(symbols.value(true.into()), Some(Value::Bool(true)));
        assert_eq!(symbols.value(false.into()), Some(Value::Bool(false)));
        assert_eq!(symbols.value(Symbol::ABSENT), None);
    }

    #[test]
    fn values_in_use_keep_their_symbol_and_others_are_forgotten_and_never_mixed_up() {
        let symbols = Symbols::new();
        let used = symbols.text("used").0;
        let unused = symbols.text("unused").0;
        for number in 0..3 * PERIOD {
            symbols.text(&format!("value {number}"));
            assert_eq!(symbols.text("used").0, used);
        }
        assert!(symbols.period() >= 2);
        assert_eq!(symbols.value(unused), None);
        assert_ne!(symbols.text("unused").0, unused);
        let tables = symbols.tables.read().unwrap();
        assert!(tables.current.len() + tables.previous.len() <= 2 * PERIOD);
    }
}
