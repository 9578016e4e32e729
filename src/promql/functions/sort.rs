//! The sorting functions.

use std::cmp::Ordering;

use super::{Arguments, Body, Context, Element, float};

/// The body of a sorting function.
pub(super) fn body(name: &str) -> Option<Body> {
    Some(Body::Instant(match name {
        "sort" => ascending,
        "sort_by_label" => by_label,
        "sort_by_label_desc" => by_label_descending,
        "sort_desc" => descending,
        _ => return None,
    }))
}

fn ascending(arguments: &mut Arguments<'_>, _: &mut Context<'_>) -> Vec<Element> {
    by_value(arguments, f64::total_cmp)
}

fn descending(arguments: &mut Arguments<'_>, _: &mut Context<'_>) -> Vec<Element> {
    by_value(arguments, |a, b| b.total_cmp(a))
}

/// Histograms are left out, and what is not a number comes last.
fn by_value(arguments: &mut Arguments<'_>, order: impl Fn(&f64, &f64) -> Ordering) -> Vec<Element> {
    let elements = std::mem::take(&mut arguments.vector).into_iter();
    let mut keyed: Vec<(f64, Element)> =
        elements.filter_map(|element| Some((float(&element.value)?, element))).collect();
    // Adding zero makes -0 equal to 0.
    keyed.sort_by(|(a, _), (b, _)| a.is_nan().cmp(&b.is_nan()).then_with(|| order(&(a + 0.0), &(b + 0.0))));
    keyed.into_iter().map(|(_, element)| element).collect()
}

fn by_label(arguments: &mut Arguments<'_>, _: &mut Context<'_>) -> Vec<Element> {
    let mut elements = std::mem::take(&mut arguments.vector);
    elements.sort_by(|a, b| compare_labels(a, b, arguments.texts));
    elements
}

fn by_label_descending(arguments: &mut Arguments<'_>, _: &mut Context<'_>) -> Vec<Element> {
    let mut elements = std::mem::take(&mut arguments.vector);
    elements.sort_by(|a, b| compare_labels(b, a, arguments.texts));
    elements
}

/// By the values of the named labels, then by all of them.
fn compare_labels(a: &Element, b: &Element, names: &[std::sync::Arc<str>]) -> Ordering {
    let value = |element: &Element, name: &str| element.labels.get(name).unwrap_or_default().to_owned();
    let by_names = names.iter().map(|name| natural(&value(a, name), &value(b, name)));
    by_names.fold(Ordering::Equal, Ordering::then).then_with(|| a.labels.cmp(&b.labels))
}

/// Compares texts so that `node9` comes before `node10`: digits by the number that they make, the rest byte by byte.
fn natural(a: &str, b: &str) -> Ordering {
    let by_chunks = chunks(a).zip(chunks(b)).map(|(a, b)| {
        let numbers = [a, b].map(|chunk| chunk.starts_with(|first: char| first.is_ascii_digit()));
        if numbers == [true, true] {
            let [a, b] = [a, b].map(|digits| digits.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        } else {
            a.cmp(b)
        }
    });
    let different = by_chunks.into_iter().find(|order| order.is_ne());
    different.unwrap_or_else(|| chunks(a).count().cmp(&chunks(b).count()).then_with(|| a.cmp(b)))
}

/// Runs of digits, and of anything else.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let digits = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|letter: char| letter.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (chunk, after) = rest.split_at(end);
        rest = after;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_are_compared_as_numbers() {
        let sorted = ["", "1", "01", "2", "10", "a", "node1", "node1x", "node9", "node10", "node10a2", "node10a10"];
        for (at, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                // Leading zeros only decide when nothing else does.
                let expected =
                    if (*a, *b) == ("1", "01") || (*a, *b) == ("01", "1") { other.cmp(&at) } else { at.cmp(&other) };
                assert_eq!(natural(a, b), expected, "{a:?} and {b:?}");
            }
        }
    }
}
