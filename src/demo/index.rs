//! An inverted index with BM25 scores, and a vector a document.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::corpus::Document;
use super::embed::{self, Vector};

/// How fast repeats of a word stop counting (Robertson and Zaragoza, "The probabilistic relevance framework", 2009).
const K1: f32 = 1.2;
/// How much a long document is held against its score.
const B: f32 = 0.75;

/// Everything that a query needs, built once.
#[derive(Debug)]
pub struct Index {
    documents: Vec<Entry>,
    /// Word -> term, its number in `postings` and `vectors`.
    terms: HashMap<String, u32>,
    /// Documents of each term, ascending.
    postings: Vec<Vec<Posting>>,
    /// The vector of each term.
    vectors: Vec<Vector>,
    /// Mean length of a document, in words.
    mean_length: f32,
}

#[derive(Debug)]
struct Entry {
    topic: &'static str,
    title: String,
    /// Terms of title and text, in their order.
    terms: Vec<u32>,
    vector: Vector,
}

#[derive(Debug, Clone, Copy)]
struct Posting {
    document: u32,
    /// How often the term occurs in it.
    count: u32,
}

/// A document that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its number in the index.
    pub document: u32,
    /// How well it fits; only the order means something.
    pub score: f32,
}

impl Index {
    /// Tokenizes, counts and embeds the documents.
    pub fn build(documents: &[Document]) -> Self {
        let mut index = Self {
            documents: Vec::with_capacity(documents.len()),
            terms: HashMap::new(),
            postings: Vec::new(),
            vectors: Vec::new(),
            mean_length: 0.0,
        };
        for (number, document) in (0..).zip(documents) {
            index.add(number, document);
        }
        let words: usize = index.documents.iter().map(|entry| entry.terms.len()).sum();
        index.mean_length = words as f32 / index.documents.len().max(1) as f32;
        index
    }

    fn add(&mut self, number: u32, document: &Document) {
        let words = words(&document.title).chain(words(&document.text));
        let terms: Vec<u32> = words.map(|word| self.intern(word)).collect();
        for term in &terms {
            let postings = &mut self.postings[*term as usize];
            match postings.last_mut() {
                Some(posting) if posting.document == number => posting.count += 1,
                _ => postings.push(Posting { document: number, count: 1 }),
            }
        }
        let vector = embed::mean(terms.iter().map(|term| &self.vectors[*term as usize]));
        self.documents.push(Entry { topic: document.topic, title: document.title.clone(), terms, vector });
    }

    fn intern(&mut self, word: String) -> u32 {
        let next = u32::try_from(self.vectors.len()).unwrap_or(u32::MAX);
        let term = *self.terms.entry(word).or_insert_with_key(|word| {
            self.vectors.push(embed::word(word));
            next
        });
        self.postings.resize_with(self.vectors.len(), Vec::new);
        term
    }

    /// The best documents by words (BM25), best first; those of one topic when a filter is given.
    pub fn by_words(&self, query: &[String], topic: Option<&str>, limit: usize) -> Vec<Hit> {
        let mut scores: HashMap<u32, f32> = HashMap::new();
        for postings in query.iter().filter_map(|word| self.terms.get(word)).map(|term| &self.postings[*term as usize])
        {
            let (all, having) = (self.documents.len() as f32, postings.len() as f32);
            let rarity = (1.0 + (all - having + 0.5) / (having + 0.5)).ln();
            for Posting { document, count } in postings {
                let entry = &self.documents[*document as usize];
                if topic.is_none_or(|topic| entry.topic == topic) {
                    let length = 1.0 - B + B * entry.terms.len() as f32 / self.mean_length;
                    let count = *count as f32;
                    *scores.entry(*document).or_default() += rarity * count * (K1 + 1.0) / (count + K1 * length);
                }
            }
        }
        best(scores.into_iter().map(|(document, score)| Hit { document, score }), limit)
    }

    /// The best documents by direction, from a scan of all vectors, best first.
    pub fn by_vector(&self, query: &Vector, topic: Option<&str>, limit: usize) -> Vec<Hit> {
        let entries =
            (0_u32..).zip(&self.documents).filter(|(_, entry)| topic.is_none_or(|topic| entry.topic == topic));
        best(entries.map(|(document, entry)| Hit { document, score: embed::cosine(query, &entry.vector) }), limit)
    }

    /// The vectors of a document's words, in their order.
    pub fn word_vectors(&self, document: u32) -> impl Iterator<Item = &Vector> {
        self.documents[document as usize].terms.iter().map(|term| &self.vectors[*term as usize])
    }

    /// Title and topic of a document.
    pub fn describe(&self, document: u32) -> (&str, &'static str) {
        let entry = &self.documents[document as usize];
        (&entry.title, entry.topic)
    }

    /// How many documents it holds.
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// How many different words it holds.
    pub fn terms(&self) -> usize {
        self.vectors.len()
    }
}

/// The words of a text in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The `limit` best hits, best first; of equal ones the smaller number first, so that results repeat.
pub fn best(hits: impl IntoIterator<Item = Hit>, limit: usize) -> Vec<Hit> {
    let mut worst_first: BinaryHeap<WorstFirst> = BinaryHeap::with_capacity(limit.min(4_096) + 1);
    for hit in hits {
        worst_first.push(WorstFirst(hit));
        if worst_first.len() > limit {
            worst_first.pop();
        }
    }
    worst_first.into_sorted_vec().into_iter().map(|WorstFirst(hit)| hit).collect()
}

/// Orders hits so that the worst is the greatest: a bounded heap throws that one out.
struct WorstFirst(Hit);

impl Ord for WorstFirst {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.score.total_cmp(&self.0.score).then(self.0.document.cmp(&other.0.document))
    }
}

impl PartialOrd for WorstFirst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for WorstFirst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for WorstFirst {}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let document = |topic, title: &str, text: &str| Document { topic, title: title.into(), text: text.into() };
        Index::build(&[
            document("harbour", "tide of marnor", "the tide and the anchor near the quay"),
            document("harbour", "pilot of jorpen", "a pilot, a pilot and a vessel; the tide"),
            document("railway", "signal of wenfen", "the signal on the platform"),
        ])
    }

    fn query(text: &str) -> Vec<String> {
        words(text).collect()
    }

    fn numbers(hits: &[Hit]) -> Vec<u32> {
        hits.iter().map(|hit| hit.document).collect()
    }

    #[test]
    fn words_find_the_documents_that_hold_them_best_first() {
        let index = index();
        assert_eq!(numbers(&index.by_words(&query("Pilot"), None, 10)), [1]);
        assert_eq!(
            numbers(&index.by_words(&query("tide"), None, 10)),
            [0, 1],
            "twice in the first one, once in the second"
        );
        assert_eq!(numbers(&index.by_words(&query("the"), Some("railway"), 10)), [2]);
        assert_eq!(numbers(&index.by_words(&query("unheard"), None, 10)), [0_u32; 0]);
    }

    #[test]
    fn vectors_find_a_word_that_is_spelled_a_little_differently() {
        let hits = index().by_vector(&embed::word("signals"), None, 1);
        assert_eq!(numbers(&hits), [2]);
    }

    #[test]
    fn the_best_are_sorted_bounded_and_ties_go_to_the_smaller_number() {
        let hit = |document, score| Hit { document, score };
        let found = best([hit(3, 1.0), hit(1, 1.0), hit(2, 5.0), hit(0, 0.5)], 3);
        assert_eq!(numbers(&found), [2, 1, 3]);
        assert!(best([hit(1, 1.0)], 0).is_empty());
    }
}
