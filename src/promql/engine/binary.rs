//! Operators between vectors, and between a vector and a scalar.

use std::collections::HashSet;
use std::sync::Arc;

use super::collect::Collector;
use super::elements::{Outcome, samples};
use super::groups::{Groups, Key};
use super::labels::with;
use super::matrix::{Grid, Matrix, Series};
use super::names::without_metadata;
use super::{EvalError, Evaluator};
use crate::model::{Labels, SampleValue};
use crate::promql::ast::{BinaryOp, Cardinality, VectorMatching};
use crate::promql::notes::Note;
use crate::promql::plan::{Binary, WithScalar};

impl Evaluator<'_> {
    pub(super) fn with_scalar(&mut self, binary: &WithScalar, grid: Grid) -> Result<Matrix, EvalError> {
        let op = binary.op;
        // The left side is evaluated first, for the order of what there is to remark.
        let (column, mut matrix);
        if binary.scalar_first {
            column = self.scalar(&binary.scalar, grid)?;
            matrix = self.vector(&binary.vector, grid)?;
        } else {
            matrix = self.vector(&binary.vector, grid)?;
            column = self.scalar(&binary.scalar, grid)?;
        }
        for (index, cell) in matrix.cells.iter_mut().enumerate() {
            let Some(value) = cell.take() else { continue };
            let scalar = SampleValue::Float(column.at(index % grid.count));
            let outcome = if binary.scalar_first { samples(op, &scalar, &value) } else { samples(op, &value, &scalar) };
            if let Some(note) = outcome.note {
                self.annotations.add(note, binary.span);
            }
            let Some(result) = outcome.value else { continue };
            *cell = match (binary.return_bool, outcome.holds) {
                (true, holds) => Some(SampleValue::Float(f64::from(u8::from(holds)))),
                (false, false) => None,
                // A filter gives the vector's value, on whichever side it stands.
                (false, true) if op.is_comparison() => Some(value),
                (false, true) => Some(result),
            };
        }
        matrix.sweep();
        if changes_meaning(op) || binary.return_bool {
            for series in &mut matrix.series {
                series.drop_name = true;
            }
        }
        self.settled(matrix)
    }

    pub(super) fn binary(&mut self, binary: &Binary, grid: Grid) -> Result<Matrix, EvalError> {
        let left = self.vector(&binary.left, grid)?;
        let right = self.vector(&binary.right, grid)?;
        let names: Vec<_> = binary.matching.labels.iter().map(|name| name.as_str().into()).collect();
        let key = if binary.matching.on { Key::Only(&names) } else { Key::Without(&names) };
        let mut groups = Groups::new(key);
        let left = Side { groups: groups.assign(&left.series), matrix: &left };
        let right = Side { groups: groups.assign(&right.series), matrix: &right };
        if binary.op.is_set() {
            return set(binary, &left, &right, groups.len(), grid);
        }
        let swapped = binary.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let delayed = self.options.delayed_name_removal;
        let mut join = Join::new(binary, key, many, one, groups.len(), grid, delayed);
        for step in 0..grid.count {
            join.step(step)?;
            if let Some(note) = join.note.take() {
                self.annotations.add(note, binary.span);
            }
            self.check(join.out.series().len())?;
        }
        Ok(join.out.finish())
    }
}

/// Whether the result of an operator is no longer what the metric's name says.
fn changes_meaning(op: BinaryOp) -> bool {
    !op.is_comparison() && !op.is_set() && !matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

/// A side of an operator: its rows, and the group of each.
pub(super) struct Side<'a> {
    pub groups: Vec<usize>,
    pub matrix: &'a Matrix,
}

impl<'a> Side<'a> {
    fn labels(&self, series: usize) -> &'a Labels {
        &self.matrix.series[series].labels
    }

    /// The series that have a value at a step, with it.
    fn present(&self, step: usize) -> impl Iterator<Item = (usize, &'a SampleValue)> + use<'a> {
        let matrix = self.matrix;
        (0..matrix.series.len()).filter_map(move |series| Some((series, matrix.cell(series, step).as_ref()?)))
    }
}

/// `and`, `or`, `unless`
fn set(binary: &Binary, left: &Side<'_>, right: &Side<'_>, groups: usize, grid: Grid) -> Result<Matrix, EvalError> {
    let mut out = Collector::new(grid.count, binary.span);
    let mut rows = [vec![None; left.groups.len()], vec![None; right.groups.len()]];
    let mut take = |which: usize, side: &Side<'_>, series: usize, step: usize, value: &SampleValue| {
        let Series { labels, drop_name } = &side.matrix.series[series];
        let row = *rows[which][series].get_or_insert_with(|| out.row(labels.clone(), *drop_name));
        out.set(row, step, value.clone())
    };
    for step in 0..grid.count {
        let mut there = vec![false; groups];
        let (asked, first) = if binary.op == BinaryOp::Or { (left, None) } else { (right, Some(left)) };
        for (series, _) in asked.present(step) {
            there[asked.groups[series]] = true;
        }
        if let Some(left) = first {
            for (series, value) in left.present(step) {
                if there[left.groups[series]] == (binary.op == BinaryOp::And) {
                    take(0, left, series, step, value)?;
                }
            }
        } else {
            for (series, value) in left.present(step) {
                take(0, left, series, step, value)?;
            }
            for (series, value) in right.present(step) {
                if !there[right.groups[series]] {
                    take(1, right, series, step, value)?;
                }
            }
        }
    }
    Ok(out.finish())
}

/// Operators other than those of sets. One side has at most one series in each group; with `group_right` that is the
/// left one.
struct Join<'a> {
    binary: &'a Binary,
    key: Key<'a>,
    many: Side<'a>,
    one: Side<'a>,
    swapped: bool,
    delayed: bool,
    out: Collector,
    /// For each series of `many`: its last partner, and the row of the two.
    rows: Vec<Option<(Option<usize>, usize)>>,
    /// The series of `one` in each group at this step.
    partners: Vec<Option<usize>>,
    /// Groups that have had a result at this step.
    matched: Vec<bool>,
    /// With `group_left` and `group_right`: what results there were in which group.
    results: HashSet<(usize, Labels)>,
    /// The last remark of this step, which is the one that Prometheus keeps.
    note: Option<Note<'static>>,
}

impl<'a> Join<'a> {
    fn new(
        binary: &'a Binary,
        key: Key<'a>,
        many: Side<'a>,
        one: Side<'a>,
        groups: usize,
        grid: Grid,
        delayed: bool,
    ) -> Self {
        let swapped = binary.matching.cardinality == Cardinality::OneToMany;
        let rows = vec![None; many.groups.len()];
        let (partners, matched) = (vec![None; groups], vec![false; groups]);
        let out = Collector::new(grid.count, binary.span);
        let (results, note) = (HashSet::new(), None);
        Self { binary, key, many, one, swapped, delayed, out, rows, partners, matched, results, note }
    }

    fn step(&mut self, step: usize) -> Result<(), EvalError> {
        self.partners.fill(None);
        self.matched.fill(false);
        self.results.clear();
        // Where one side is empty nothing can match, and nothing of the other is wrong.
        let fill = self.binary.matching.fill;
        let filled = fill.left.is_some() || fill.right.is_some();
        let empty = |side: &Side<'_>| side.present(step).next().is_none();
        if !filled && (empty(&self.many) || empty(&self.one)) {
            return Ok(());
        }
        for (series, _) in self.one.present(step) {
            if let Some(other) = self.partners[self.one.groups[series]].replace(series) {
                return Err(self.duplicate(series, other));
            }
        }
        // Prometheus gives the fill of the right side to the side that has one series a group, whichever that is.
        for (series, value) in self.many.present(step) {
            let group = self.many.groups[series];
            let partner = self.partners[group];
            let fallback = fill.right.map(SampleValue::Float);
            let other = partner.and_then(|one| self.one.matrix.cell(one, step).as_ref()).or(fallback.as_ref());
            if let Some(other) = other.cloned() {
                self.pair(step, group, (Some(series), value), (partner, &other))?;
            }
        }
        let Some(fill) = fill.left.map(SampleValue::Float) else { return Ok(()) };
        for (series, value) in self.one.present(step) {
            let group = self.one.groups[series];
            if !self.matched[group] {
                self.pair(step, group, (None, &fill), (Some(series), value))?;
            }
        }
        Ok(())
    }

    /// Calculates the result of two values, one of which may be a fill.
    fn pair(
        &mut self,
        step: usize,
        group: usize,
        (many, value): (Option<usize>, &SampleValue),
        (one, other): (Option<usize>, &SampleValue),
    ) -> Result<(), EvalError> {
        let op = self.binary.op;
        let Outcome { value: result, holds, note } =
            if self.swapped { samples(op, other, value) } else { samples(op, value, other) };
        if note.is_some() {
            self.note = note;
        }
        let Some(mut result) = result else { return Ok(()) };
        let return_bool = self.binary.return_bool;
        if return_bool {
            result = SampleValue::Float(f64::from(u8::from(holds)));
        }
        let one_to_one = self.binary.matching.cardinality == Cardinality::OneToOne;
        let again = std::mem::replace(&mut self.matched[group], true);
        if one_to_one && again {
            return Err(self.fault("many-to-one matching must be explicit (group_left/group_right)"));
        }
        let known = many.and_then(|many| self.rows[many]).filter(|(partner, _)| *partner == one);
        if one_to_one && !holds && !return_bool {
            return Ok(());
        }
        let row = match known {
            Some((_, row)) if one_to_one => row,
            _ => {
                let labels = self.labels(many, one);
                if !one_to_one && !self.results.insert((group, labels.clone())) {
                    return Err(self.fault("grouping labels must ensure unique matches"));
                }
                if !holds && !return_bool {
                    return Ok(());
                }
                known.map_or_else(|| self.out.row(labels, return_bool), |(_, row)| row)
            }
        };
        if let Some(many) = many {
            self.rows[many] = Some((one, row));
        }
        self.out.set(row, step, result)
    }

    /// The labels of the result of two series.
    fn labels(&self, many: Option<usize>, one: Option<usize>) -> Labels {
        let of_key = |labels| self.key.of(labels);
        let many = many.map(|series| self.many.labels(series));
        let one = one.map(|series| self.one.labels(series));
        let (many, one) = match (many, one) {
            (Some(many), Some(one)) => (many.clone(), one.clone()),
            (Some(many), None) => (many.clone(), of_key(many)),
            (None, Some(one)) => (of_key(one), one.clone()),
            (None, None) => return Labels::default(),
        };
        let VectorMatching { cardinality, on, labels: names, include, .. } = &self.binary.matching;
        let nameless = changes_meaning(self.binary.op) || (self.binary.return_bool && !self.delayed);
        let mut result = if nameless { without_metadata(&many) } else { many };
        if *cardinality == Cardinality::OneToOne {
            result = result.filtered(|name| names.iter().any(|own| own == name) == *on);
        }
        for name in include {
            let name: Arc<str> = name.as_str().into();
            result = with(&result, &name, one.get(&name).unwrap_or_default());
        }
        result
    }

    fn fault(&self, what: &str) -> EvalError {
        EvalError::new(format!("multiple matches for labels: {what}"), self.binary.span)
    }

    fn duplicate(&self, series: usize, other: usize) -> EvalError {
        let (series, other) = (self.one.labels(series), self.one.labels(other));
        let (series, other) = (series.min(other), series.max(other));
        let (group, side) = (self.key.of(series), if self.swapped { "left" } else { "right" });
        let (group, series, other) = (in_braces(&group), in_braces(series), in_braces(other));
        EvalError::new(
            format!(
                "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
                 [{series}, {other}];many-to-many matching not allowed: matching labels must be unique on one side"
            ),
            self.binary.span,
        )
    }
}

/// All labels, the metric's name among them, as Prometheus prints them in errors.
pub(super) fn in_braces(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Matcher, Selected, Source};
    use crate::model::Sample;
    use crate::promql::{Options, Value, instant, parse};

    struct Fixed(Vec<Labels>);

    impl Source for Fixed {
        fn select(&self, matchers: &[Matcher], _: i64, _: i64) -> Vec<Selected> {
            let wanted = self.0.iter().filter(|labels| matchers.iter().all(|matcher| matcher.matches(labels)));
            let sample = Sample { time: 0, start: 0, value: SampleValue::Float(1.0) };
            wanted.map(|labels| Selected { labels: labels.clone(), samples: vec![sample.clone()] }).collect()
        }
    }

    #[test]
    fn series_that_cannot_be_told_apart_matter_only_where_the_other_side_has_any() {
        let of = |name: &str, pod: &str| Labels::new([("__name__", name), ("pod", pod)]);
        let source = Fixed(vec![of("a", "1"), of("b", "1"), of("b", "2")]);
        let run = |query: &str| instant(&source, &parse(query).unwrap(), 0, &Options::default());
        assert_eq!(run("none / on () b").unwrap().value, Value::Vector(Vec::new()));
        assert!(run("a / on () b").unwrap_err().to_string().contains("many-to-many"));
        assert!(run("1 </ 2").unwrap_err().to_string().contains(r#"operator "</" not allowed for Scalar operations"#));
    }
}
