//! "Did you mean": the known word that an unknown one is probably a slip of.

/// The candidate that `word` differs least from, if it differs little: in at most a third of its letters and at most
/// three, where a letter is added, left out, exchanged with its neighbour or replaced. Of several the one that the word
/// is the beginning of.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).min(3);
    let distances = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    let near = distances.filter(|(distance, _)| *distance <= most);
    near.min_by_key(|(distance, candidate)| (*distance, !candidate.starts_with(word), *candidate)).map(|(_, it)| it)
}

/// Optimal string alignment distance, ignoring case. Words longer than 100 letters are not compared.
fn distance(a: &str, b: &str) -> usize {
    let letters = |word: &str| word.chars().map(|letter| letter.to_ascii_lowercase()).collect::<Vec<char>>();
    let (a, b) = (letters(a), letters(b));
    if a.len().max(b.len()) > 100 {
        return usize::MAX;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_none() {
        let known = ["endpoint", "haa", "head", "headers", "headers_list", "timeout"];
        let cases = [
            ("endpiont", Some("endpoint")),
            ("Header", Some("headers")),
            ("header_list", Some("headers_list")),
            ("tiemout", Some("timeout")),
            ("hea", Some("head")),
            ("compression", None),
            ("to", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
