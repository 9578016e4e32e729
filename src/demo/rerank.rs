//! The precise and costly score, for the few documents that the cheap ones chose.

use super::embed::{self, Vector};
use super::index::{self, Hit, Index};

/// Candidates that are reranked while the service is well.
pub const CANDIDATES: usize = 160;
/// Candidates that are reranked once the fault has begun.
pub const FAULTY_CANDIDATES: usize = 8 * CANDIDATES;

/// How fast a rank's share falls when two lists are merged (Cormack, Clarke and Büttcher, "Reciprocal rank fusion",
/// 2009).
const FUSION: f32 = 60.0;

/// Merges two lists, each best first, by rank, and keeps the best.
pub fn fuse(a: &[Hit], b: &[Hit], limit: usize) -> Vec<Hit> {
    let mut merged: Vec<Hit> = Vec::with_capacity(a.len() + b.len());
    for list in [a, b] {
        merged.extend(
            (0_u16..)
                .zip(list)
                .map(|(rank, hit)| Hit { document: hit.document, score: 1.0 / (FUSION + 1.0 + f32::from(rank)) }),
        );
    }
    merged.sort_unstable_by_key(|hit| hit.document);
    merged.dedup_by(|next, kept| {
        let same = next.document == kept.document;
        if same {
            kept.score += next.score;
        }
        same
    });
    index::best(merged, limit)
}

/// Scores every candidate again by late interaction (Khattab and Zaharia, "`ColBERT`", 2020): each word of the query
/// finds its nearest word in the document. Best first.
pub fn score(index: &Index, query: &[Vector], candidates: &[Hit], limit: usize) -> Vec<Hit> {
    let interaction = |document: u32| {
        let mut total = 0.0;
        for word in query {
            let mut nearest = -1.0_f32;
            for other in index.word_vectors(document) {
                nearest = nearest.max(embed::cosine(word, other));
            }
            total += nearest;
        }
        total
    };
    // The first score decides between documents that hold the same words.
    let scored = candidates.iter().map(|hit| Hit { score: interaction(hit.document) + hit.score, ..*hit });
    index::best(scored, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::corpus::Document;

    #[test]
    fn fusion_prefers_what_both_lists_hold_and_lists_each_document_once() {
        let list = |numbers: &[u32]| numbers.iter().map(|n| Hit { document: *n, score: 1.0 }).collect::<Vec<_>>();
        let fused = fuse(&list(&[1, 2, 3]), &list(&[4, 2]), 3);
        assert_eq!(fused.iter().map(|hit| hit.document).collect::<Vec<_>>(), [2, 1, 4]);
    }

    #[test]
    fn reranking_puts_the_document_with_all_words_of_the_query_first() {
        let document = |text: &str| Document { topic: "harbour", title: String::from("title"), text: text.into() };
        let index = Index::build(&[document("tide tide tide"), document("tide anchor"), document("crane")]);
        let query = ["tide", "anchor"].map(embed::word);
        let candidates = [0, 1, 2].map(|document| Hit { document, score: 0.0 });
        let ranked = score(&index, &query, &candidates, 2);
        assert_eq!(ranked.iter().map(|hit| hit.document).collect::<Vec<_>>(), [1, 0]);
    }
}
