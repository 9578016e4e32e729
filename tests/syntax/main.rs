//! Every expression of Prometheus' own tests, which lie beside the project: it is read, printed, and read again.
//! Run with `cargo test --test syntax`; without the data it fails.
#![expect(clippy::expect_used, reason = "data that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;

use bellwether::promql::{Experiments, Expr, MatrixSelector, parse_with};

/// Of each file the expressions that it evaluates.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/promqltest");
    let mut expressions = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the folder ../shared/data/promqltest") {
        let path = entry.expect("an entry of that folder").path();
        if path.extension().is_some_and(|extension| extension == "test") {
            let text = std::fs::read_to_string(path).expect("a file of that folder");
            expressions.extend(text.lines().filter_map(expression).map(str::to_owned));
        }
    }
    assert_eq!(expressions.len(), 2_214, "evaluations in {}", folder.display());
    expressions
}

/// `eval instant at 5m EXPRESSION` or `eval range from 0 to 5m step 1m EXPRESSION`.
fn expression(line: &str) -> Option<&str> {
    let mut rest = line.trim();
    let mut word = || {
        let (word, after) = rest.split_once(' ')?;
        rest = after.trim_start();
        Some(word)
    };
    if !word()?.starts_with("eval") {
        return None;
    }
    let words = if word()? == "instant" { 2 } else { 6 };
    for _ in 0..words {
        word()?;
    }
    Some(rest)
}

/// The nodes of an expression without their places; a printed selector has its conditions in order.
fn nodes(mut expr: Expr) -> String {
    sort_conditions(&mut expr);
    let debug = format!("{expr:?}");
    let mut parts = debug.split("span: Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

fn sort_conditions(expr: &mut Expr) {
    match expr {
        Expr::Vector(selector) | Expr::Matrix(MatrixSelector { selector, .. }) => {
            selector.matchers.sort_by_key(|matcher| format!("{matcher:?}"));
        }
        Expr::Aggregate(node) => {
            sort_conditions(&mut node.expr);
            node.param.iter_mut().for_each(|param| sort_conditions(param));
        }
        Expr::Binary(node) => {
            sort_conditions(&mut node.lhs);
            sort_conditions(&mut node.rhs);
        }
        Expr::Call(node) => node.args.iter_mut().for_each(sort_conditions),
        Expr::Paren(node) => sort_conditions(&mut node.expr),
        Expr::Subquery(node) => sort_conditions(&mut node.expr),
        Expr::Unary(node) => sort_conditions(&mut node.expr),
        Expr::Number(_) | Expr::String(_) => {}
    }
}

#[test]
fn every_expression_reads_prints_and_reads_again_as_the_same() {
    for text in corpus() {
        let expr = parse_with(&text, Experiments::ALL).unwrap_or_else(|error| panic!("{text}\n{error}"));
        let printed = expr.to_string();
        let again = parse_with(&printed, Experiments::ALL).unwrap_or_else(|error| panic!("{printed}\n{error}"));
        assert_eq!(again.to_string(), printed, "{text}");
        assert_eq!(nodes(again), nodes(expr), "{text}");
    }
}

#[test]
fn no_slip_of_the_pen_makes_it_panic() {
    let corpus: BTreeSet<String> = corpus().into_iter().collect();
    let corpus: Vec<Vec<char>> = corpus.iter().map(|text| text.chars().collect()).collect();
    let marks: Vec<char> = "(){}[],=!~<>+-*/%^@:#'\"`\\.0x_ \n\té日\u{fffd}\0".chars().collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let mut text = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len() + 1);
            match random.below(4) {
                0 => text.insert(at, marks[random.below(marks.len())]),
                1 => text.truncate(at),
                2 => drop(text.drain(at..(at + random.below(6)).min(text.len()))),
                _ => {
                    let other = &corpus[random.below(corpus.len())];
                    let from = random.below(other.len());
                    let piece = other[from..(from + random.below(20)).min(other.len())].to_vec();
                    text.splice(at..at, piece);
                }
            }
        }
        let text: String = text.into_iter().collect();
        match parse_with(&text, Experiments::ALL) {
            Ok(expr) => {
                read += 1;
                assert!(!expr.to_string().is_empty(), "{text}");
            }
            Err(errors) => {
                refused += 1;
                let span = errors.first().span;
                assert!(span.start <= span.end && span.end <= text.len(), "{text}: {errors}");
            }
        }
    }
    assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
}

/// Marsaglia's xorshift: the same slips in every run.
struct Random(u64);

impl Random {
    /// Below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }
}
