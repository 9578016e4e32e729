//! What there is: series, labels, their values, metadata.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::answer::{Answer, Refusal};
use super::bounded::Bounded;
use super::desk::Desk;
use super::json;
use super::params::{Params, whole};
use crate::history::{Matcher, Source as _};
use crate::model::Labels;

/// `series`: the labels of each.
pub(super) fn series(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    if params.all("match[]").next().is_none() {
        return Err(Refusal::bad_data("no match[] parameter provided"));
    }
    let (limit, span) = (params.limit()?, params.span()?);
    let sets = params.matchers().map_err(|why| Refusal::parameter("match[]", why))?;
    Ok(listed(&found(desk, &sets, span)?, limit, json::labels))
}

/// `labels`: the names of labels.
pub(super) fn label_names(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let (limit, span) = (params.limit()?, params.span()?);
    let sets = params.matchers().map_err(Refusal::bad_data)?;
    let names: BTreeSet<Arc<str>> = found(desk, &any(sets), span)?
        .iter()
        .flat_map(|labels| labels.iter().map(|(name, _)| Arc::clone(name)))
        .collect();
    Ok(listed(&names, limit, |out, name| json::text(out, name)))
}

/// `label/<name>/values`: what a label is in the series that have it.
pub(super) fn label_values(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let name = unescaped(&params.label).unwrap_or_else(|| params.label.clone());
    if name.is_empty() {
        return Err(Refusal::bad_data(format!("invalid label name: {name:?}")));
    }
    let (limit, span) = (params.limit()?, params.span()?);
    let sets = params.matchers().map_err(Refusal::bad_data)?;
    let all = found(desk, &any(sets), span)?;
    let values: BTreeSet<&str> = all.iter().filter_map(|labels| labels.get(&name)).collect();
    Ok(listed(&values, limit, |out, value| json::text(out, value)))
}

/// `metadata`: type, help and unit of metrics.
pub(super) fn metadata(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let number = |name: &str| {
        whole(params.get(name)).map_err(|_| Refusal::bad_data(format!("{name} must be a number"))).map(
            // A negative number is no limit.
            |number| number.and_then(|number| usize::try_from(number).ok()),
        )
    };
    let limit = number("limit")?.unwrap_or(usize::MAX);
    // Of each metric there is one.
    number("limit_per_metric")?;
    let metric = params.get("metric");
    let all = desk.window.history.metadata();
    let meant = all.iter().filter(|(name, _)| metric.is_empty() || **name == metric).take(limit);
    let mut data = String::from("{");
    for (at, (name, metadata)) in meant.enumerate() {
        data.push_str(if at > 0 { "," } else { "" });
        json::text(&mut data, name);
        data.extend([":[{\"type\":\"", metadata.kind.name(), "\",\"unit\":"]);
        json::text(&mut data, &metadata.unit);
        data.push_str(",\"help\":");
        json::text(&mut data, &metadata.help);
        data.push_str("}]");
    }
    data.push('}');
    Ok(Answer::new(data))
}

/// Without a set of matchers everything is meant.
fn any(sets: Vec<Vec<Matcher>>) -> Vec<Vec<Matcher>> {
    if sets.is_empty() { vec![Vec::new()] } else { sets }
}

/// The series that one of the sets accepts, each once, in the order of their labels.
fn found(desk: &Desk, sets: &[Vec<Matcher>], (start, end): (i64, i64)) -> Result<Vec<Labels>, Refusal> {
    let (after, time) = (start.saturating_sub(1), Bounded::new(desk, desk.web.timeout));
    let series = |matchers: &Vec<Matcher>| desk.window.history.series(matchers, after, end);
    if let [only] = sets {
        return Ok(series(only));
    }
    // A request has room for tens of thousands of sets that accept the same.
    let mut all = BTreeSet::new();
    for matchers in sets {
        if time.is_over() {
            return Err(desk.stopped("the search for series"));
        }
        all.extend(series(matchers));
    }
    Ok(all.into_iter().collect())
}

fn listed<T>(
    items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    limit: usize,
    write: impl FnMut(&mut String, T),
) -> Answer {
    let items = items.into_iter();
    let truncated = limit > 0 && items.len() > limit;
    let shown = if truncated { limit } else { items.len() };
    let mut data = String::new();
    json::list(&mut data, items.take(shown), write);
    Answer::new(data).truncated(truncated)
}

/// The name behind `U__`: `_2e_` stands for a point, `__` for an underscore. `None` when it is no such name.
fn unescaped(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut plain = String::new();
    while let Some(at) = rest.find('_') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            plain.push('_');
            rest = after;
            continue;
        }
        let (code, after) = rest.split_once('_').filter(|(code, _)| code.len() <= 6)?;
        plain.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?);
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_behind_the_prefix_are_those_that_were_escaped() {
        let cases = [
            ("U__http_2e_route", Some("http.route")),
            ("U__a__b", Some("a_b")),
            ("U___1F602_", Some("😂")),
            ("U__plain", Some("plain")),
            ("U__broken_2e", None),
            ("U__not_hex_", None),
            ("U__surrogate_d800_", None),
            ("job", None),
        ];
        for (name, expected) in cases {
            assert_eq!(unescaped(name).as_deref(), expected, "{name}");
        }
    }
}
