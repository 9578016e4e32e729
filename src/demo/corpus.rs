//! The documents: several thousand short texts, written by a seeded generator from a small vocabulary.
//!
//! Words follow Zipf's law, as in natural text: common words fill most of a document, a topic gives it its subject, and
//! rare names make it unlike its neighbours. So an inverted index gets long and short posting lists, and a query has
//! good, middling and poor answers.

use super::random::{Random, Zipf};
use super::vocabulary::{COMMON, SYLLABLES, TOPICS};

/// How many documents the demo indexes unless told otherwise.
pub const DOCUMENTS: usize = 6_000;

/// Names in use: three syllables give 13,824 different ones.
const NAMES: usize = 4_000;

/// A text with a title.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it is about, one of twelve topics.
    pub topic: &'static str,
    /// A line.
    pub title: String,
    /// Six to thirteen sentences.
    pub text: String,
}

/// Writes documents and queries; what it writes depends on the seed alone.
#[derive(Debug)]
pub struct Author {
    common: Vec<&'static str>,
    topics: Vec<(&'static str, Vec<&'static str>)>,
    names: Vec<String>,
    common_law: Zipf,
    topic_law: Zipf,
    name_law: Zipf,
}

impl Author {
    /// An author with the built-in vocabulary.
    pub fn new() -> Self {
        let topics: Vec<_> = TOPICS.iter().map(|(name, words)| (*name, words.split(' ').collect::<Vec<_>>())).collect();
        let common: Vec<_> = COMMON.split(' ').collect();
        Self {
            common_law: Zipf::new(common.len()),
            topic_law: Zipf::new(topics.iter().map(|(_, words)| words.len()).min().unwrap_or(1)),
            name_law: Zipf::new(NAMES),
            common,
            topics,
            names: names(),
        }
    }

    /// So many documents.
    pub fn documents(&self, count: usize, seed: u64) -> Vec<Document> {
        let mut random = Random::new(seed);
        (0..count).map(|_| self.document(&mut random)).collect()
    }

    fn document(&self, random: &mut Random) -> Document {
        let (topic, words) = &self.topics[random.below(self.topics.len())];
        let subject = words[self.topic_law.draw(random)];
        let title = format!("{subject} of {}", self.names[self.name_law.draw(random)]);
        let mut text = String::new();
        for _ in 0..random.between(6, 14) {
            for _ in 0..random.between(8, 18) {
                text.push_str(self.word(words, random));
                text.push(' ');
            }
            text.truncate(text.trim_end().len());
            text.push_str(". ");
        }
        Document { topic, title, text }
    }

    fn word(&self, topic: &[&'static str], random: &mut Random) -> &str {
        match random.unit() {
            share if share < 0.45 => self.common[self.common_law.draw(random)],
            share if share < 0.85 => topic[self.topic_law.draw(random)],
            _ => &self.names[self.name_law.draw(random)],
        }
    }

    /// What somebody searches: up to three words of one topic and now and then a name; a fifth of them filtered by topic.
    pub fn query(&self, random: &mut Random) -> Query {
        let (topic, words) = &self.topics[random.below(self.topics.len())];
        let mut text: Vec<&str> = (0..random.between(1, 4)).map(|_| words[self.topic_law.draw(random)]).collect();
        if random.chance(0.3) {
            text.push(&self.names[self.name_law.draw(random)]);
        }
        Query { text: text.join(" "), filter: random.chance(0.2).then(|| format!("topic:{topic}")) }
    }
}

impl Default for Author {
    fn default() -> Self {
        Self::new()
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Words.
    pub text: String,
    /// `topic:<name>`, when given.
    pub filter: Option<String>,
}

fn names() -> Vec<String> {
    // A fixed stride through all triples of syllables keeps neighbouring names unlike each other.
    let n = SYLLABLES.len();
    let triple = |at: usize| [at / (n * n), at / n % n, at % n].map(|syllable| SYLLABLES[syllable]).concat();
    (0..NAMES).map(|name| triple(name * 5_659 % (n * n * n))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_from_each_other() {
        let names = names();
        assert!(names.iter().collect::<HashSet<_>>().len() > NAMES * 9 / 10);
    }

    #[test]
    fn one_seed_writes_the_same_documents_and_another_seed_others() {
        let author = Author::new();
        let texts = |seed| author.documents(20, seed).into_iter().map(|d| d.text).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
    }
}
