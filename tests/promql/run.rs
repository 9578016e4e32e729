//! Runs one evaluation in all the ways in which it must come to the same.

use bellwether::history::Source;
use bellwether::promql::{At, EvalError, Experiments, Expr, Instant, Options, Value, instant, parse_with, range};

use super::script::{Eval, When};

const MINUTE: i64 = 60_000;

/// Functions whose result changes with the evaluation time whatever their arguments.
const OF_TIME: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

fn options() -> Options {
    Options { max_samples: 10_000, delayed_name_removal: true, start_timestamps: true, ..Options::default() }
}

fn parse(text: &str) -> Result<Expr, String> {
    parse_with(text, Experiments::ALL).map_err(|error| format!("{text}: {error}"))
}

/// How many queries it took.
pub(crate) fn run(source: &dyn Source, eval: &Eval) -> Result<usize, String> {
    let expr = parse(&eval.expr)?;
    match eval.when {
        When::Range { start, end, step } => {
            let answer = range(source, &expr, start, end, step, &options());
            judge(eval, &eval.expr, answer.map(|answer| (answer.value, answer.annotations))).map(|_| 1)
        }
        When::At(at) => {
            let mut queries = run_at(source, eval, &eval.expr, &expr, at)?;
            let Some(pinned) = pinned(expr, at) else { return Ok(queries) };
            let expr = parse(&pinned)?;
            let times = if at == 0 { vec![-1_000, 0, 1_000] } else { vec![-10 * at, 0, at / 5, at, 10 * at] };
            for time in times {
                queries += run_at(source, eval, &pinned, &expr, time)
                    .map_err(|error| format!("pinned, at {time}: {pinned}: {error}"))?;
            }
            Ok(queries)
        }
    }
}

type Outcome = Result<(Value, bellwether::promql::Annotations), EvalError>;

/// Compares an outcome; the value, unless the query has failed as it should.
fn judge(eval: &Eval, text: &str, outcome: Outcome) -> Result<Option<Value>, String> {
    match outcome {
        Err(error) => eval.expected.check_failure(&error.to_string()).map(|()| None),
        Ok(_) if eval.expected.fail.is_some() => Err("did not fail".to_owned()),
        Ok((value, annotations)) => {
            eval.expected.check_annotations(text, &annotations)?;
            eval.expected.check_value(&value, eval.when)?;
            Ok(Some(value))
        }
    }
}

/// At one time, and as the middle step of a range.
fn run_at(source: &dyn Source, eval: &Eval, text: &str, expr: &Expr, at: i64) -> Result<usize, String> {
    let outcome = instant(source, expr, at, &options()).map(|answer| (answer.value, answer.annotations));
    let Some(value) = judge(eval, text, outcome)? else { return Ok(1) };
    let of_query = ["start()", "end()", "range()", "step()"].iter().any(|call| text.contains(call));
    if eval.expected.string.is_some() || eval.expected.times.is_some() || of_query {
        return Ok(1);
    }
    let middle = middle(source, expr, at).map_err(|error| format!("in a range: {error}"))?;
    if eval.expected.ordered {
        return Ok(2);
    }
    let compared = if matches!(value, Value::Scalar(_)) {
        match middle.first().map(|instant| &instant.value) {
            Some(bellwether::model::SampleValue::Float(value)) => {
                eval.expected.check_value(&Value::Scalar(*value), eval.when)
            }
            other => Err(format!("a scalar became {other:?}")),
        }
    } else {
        eval.expected.check_vector(&middle)
    };
    compared.map_err(|error| format!("in a range: {error}")).map(|()| 2)
}

/// The middle step of a range of three.
fn middle(source: &dyn Source, expr: &Expr, at: i64) -> Result<Vec<Instant>, String> {
    let answer =
        range(source, expr, at - MINUTE, at + MINUTE, MINUTE, &options()).map_err(|error| error.to_string())?;
    let Value::Matrix(matrix) = answer.value else { return Err("no matrix".to_owned()) };
    if !matrix.is_sorted_by(|a, b| a.labels <= b.labels) {
        return Err("the matrix is not sorted".to_owned());
    }
    let of_step = |series: bellwether::history::Selected| {
        let sample = series.samples.into_iter().find(|sample| sample.time == at)?;
        Some(Instant { labels: series.labels, time: at, value: sample.value })
    };
    Ok(matrix.into_iter().filter_map(of_step).collect())
}

/// The expression with its time pinned wherever it is not; `None` when it depends on time in other ways.
fn pinned(mut expr: Expr, at: i64) -> Option<String> {
    pin(&mut expr, At::Time(at)).then(|| expr.to_string())
}

/// Pins what is not, and returns whether no function of time is called. Below a subquery, which is pinned itself, things
/// happen at the subquery's own times.
fn pin(expr: &mut Expr, time: At) -> bool {
    let set = |at: &mut Option<At>| {
        if !matches!(at, Some(At::Time(_))) {
            *at = Some(time);
        }
        true
    };
    match expr {
        Expr::Vector(selector) => set(&mut selector.at),
        Expr::Matrix(matrix) => set(&mut matrix.selector.at),
        Expr::Subquery(subquery) => set(&mut subquery.at),
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Aggregate(node) => {
            let param = node.param.as_mut().is_none_or(|param| pin(param, time));
            pin(&mut node.expr, time) && param
        }
        Expr::Binary(node) => {
            let left = pin(&mut node.lhs, time);
            pin(&mut node.rhs, time) && left
        }
        Expr::Call(node) => {
            let mut without_time = !OF_TIME.contains(&node.function.name);
            for arg in &mut node.args {
                without_time &= pin(arg, time);
            }
            without_time
        }
        Expr::Paren(node) => pin(&mut node.expr, time),
        Expr::Unary(node) => pin(&mut node.expr, time),
    }
}
