//! The operations of the service. Each is a plain function with `#[instrument]`: what bellwether shows about them, it
//! knows from that alone.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tracing::{Level, Span, event, instrument};

use super::TARGET;
use super::cache::Cache;
use super::corpus::{Document, Query};
use super::embed::{self, Vector};
use super::index::{self, Hit, Index};
use super::rerank;
use crate::instruments;

/// Answers that the cache holds.
pub const CACHE_CAPACITY: usize = 150;
/// Results a query gets.
pub const RESULTS: usize = 10;
/// Queries that are computed at once; more are turned away rather than queued, so that a slow machine stays responsive
/// and ends in time. The cache answers any number.
const COMPUTED_AT_ONCE: usize = 16;
/// Documents that each kind of retrieval finds: enough for the greediest rerank, so that a fault there changes nothing
/// here.
const RETRIEVED: usize = rerank::FAULTY_CANDIDATES;

/// How often the cache has the answer.
static LOOKUPS: LazyLock<instruments::Cache> = LazyLock::new(|| instruments::cache("answers"));

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The document's title.
    pub title: String,
    /// The document's topic.
    pub topic: &'static str,
    /// Higher is better.
    pub score: f32,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchError {
    /// There is no word in it.
    EmptyQuery,
    /// The filter is not `topic:<name>`.
    MalformedFilter(String),
    /// Too many queries are being computed.
    Overloaded,
    /// A task of the service was stopped or panicked.
    Failed,
}

impl SearchError {
    /// A word for `error.type`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::EmptyQuery => "empty_query",
            Self::MalformedFilter(_) => "malformed_filter",
            Self::Overloaded => "overloaded",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyQuery => f.write_str("the query holds no word"),
            Self::MalformedFilter(filter) => write!(f, "the filter {filter:?} is not topic:<name>"),
            Self::Overloaded => f.write_str("too many searches at once"),
            Self::Failed => f.write_str("the search was stopped"),
        }
    }
}

impl std::error::Error for SearchError {}

impl From<JoinError> for SearchError {
    fn from(_: JoinError) -> Self {
        Self::Failed
    }
}

/// The index, the cache, and the operations over them. Clones share both.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    index: Index,
    cache: Mutex<Cache<Query, Answer>>,
    computed: Semaphore,
    /// Documents that are reranked; the fault raises it.
    candidates: AtomicUsize,
}

type Answer = Arc<[Found]>;

/// A query that makes sense.
struct Parsed {
    words: Vec<String>,
    topic: Option<String>,
}

impl Engine {
    /// Indexes the documents.
    #[instrument(target = TARGET, name = "index", skip_all, fields(documents = documents.len()))]
    pub fn new(documents: &[Document]) -> Self {
        Self(Arc::new(Inner {
            index: Index::build(documents),
            cache: Mutex::new(Cache::new(CACHE_CAPACITY)),
            computed: Semaphore::new(COMPUTED_AT_ONCE),
            candidates: AtomicUsize::new(rerank::CANDIDATES),
        }))
    }

    /// What is indexed.
    pub fn index(&self) -> &Index {
        &self.0.index
    }

    /// From now on every search reranks eight times as many documents, as a careless release would.
    pub fn break_rerank(&self) {
        self.0.candidates.store(rerank::FAULTY_CANDIDATES, Ordering::Relaxed);
    }

    /// The release is taken back.
    pub fn mend_rerank(&self) {
        self.0.candidates.store(rerank::CANDIDATES, Ordering::Relaxed);
    }

    /// Answers a query, from the cache when it can.
    ///
    /// # Errors
    /// A query that is empty or whose filter is malformed, or too many queries at once.
    pub async fn search(&self, query: Query) -> Result<Answer, SearchError> {
        let parsed = Arc::new(parse(&query)?);
        if let Some(answer) = self.cache_get(&query) {
            return Ok(answer);
        }
        let _permit = self.0.computed.try_acquire().map_err(|_| SearchError::Overloaded)?;
        // The two kinds of retrieval do not need each other, so they run at the same time.
        let by_words = self.work({
            let parsed = Arc::clone(&parsed);
            move |engine| engine.retrieve(&parsed, RETRIEVED)
        });
        let by_vector = self.work({
            let parsed = Arc::clone(&parsed);
            move |engine| {
                let vectors = embed(&parsed.words);
                let hits = engine.vector_search(&embed::mean(&vectors), parsed.topic.as_deref(), RETRIEVED);
                (hits, vectors)
            }
        });
        let (by_words, by_vector) = tokio::join!(by_words, by_vector);
        let (by_words, (by_vector, vectors)) = (by_words?, by_vector?);
        let fused = rerank::fuse(&by_words, &by_vector, self.0.candidates.load(Ordering::Relaxed));
        let ranked = self.work(move |engine| engine.rerank(&vectors, &fused)).await?;
        let answer: Answer = ranked.into_iter().map(|hit| self.found(hit)).collect();
        self.cache_put(query, Arc::clone(&answer));
        Ok(answer)
    }

    /// Runs computation off the threads that serve connections, within the caller's span. When the caller gives up,
    /// what has not begun never does.
    async fn work<T: Send + 'static>(
        &self,
        compute: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, SearchError> {
        let (engine, span) = (self.clone(), Span::current());
        let mut task = JoinSet::new();
        task.spawn_blocking(move || span.in_scope(|| compute(&engine)));
        let computed = task.join_next().await.ok_or(SearchError::Failed)?;
        Ok(computed?)
    }

    #[instrument(target = TARGET, skip_all, fields(cache.hit))]
    fn cache_get(&self, query: &Query) -> Option<Answer> {
        let answer = self.0.cache.lock().unwrap_or_else(PoisonError::into_inner).get(query);
        Span::current().record("cache.hit", answer.is_some());
        LOOKUPS.lookup(answer.is_some());
        answer
    }

    #[instrument(target = TARGET, skip_all)]
    fn cache_put(&self, query: Query, answer: Answer) {
        let (evicts, entries) = {
            let mut cache = self.0.cache.lock().unwrap_or_else(PoisonError::into_inner);
            (cache.put(query, answer), cache.len())
        };
        event!(target: TARGET, Level::INFO, gauge.search.cache.entries = entries, monotonic_counter.search.cache.evictions = u64::from(evicts));
    }

    #[instrument(target = TARGET, skip_all, fields(limit, hits))]
    fn retrieve(&self, query: &Parsed, limit: usize) -> Vec<Hit> {
        let hits = self.0.index.by_words(&query.words, query.topic.as_deref(), limit);
        Span::current().record("limit", limit).record("hits", hits.len());
        hits
    }

    #[instrument(target = TARGET, skip_all, fields(limit))]
    fn vector_search(&self, query: &Vector, topic: Option<&str>, limit: usize) -> Vec<Hit> {
        Span::current().record("limit", limit);
        self.0.index.by_vector(query, topic, limit)
    }

    #[instrument(target = TARGET, skip_all, fields(candidates = candidates.len()))]
    fn rerank(&self, query: &[Vector], candidates: &[Hit]) -> Vec<Hit> {
        event!(target: TARGET, Level::INFO, histogram.search.rerank.candidates = candidates.len());
        rerank::score(&self.0.index, query, candidates, RESULTS)
    }

    fn found(&self, hit: Hit) -> Found {
        let (title, topic) = self.0.index.describe(hit.document);
        Found { title: title.to_owned(), topic, score: hit.score }
    }
}

#[instrument(target = TARGET, skip_all, err, fields(error.type))]
fn parse(query: &Query) -> Result<Parsed, SearchError> {
    let words: Vec<String> = index::words(&query.text).collect();
    let filter = query.filter.as_deref().map(|filter| filter.strip_prefix("topic:").ok_or(filter)).transpose();
    let parsed = match filter {
        _ if words.is_empty() => Err(SearchError::EmptyQuery),
        Err(filter) => Err(SearchError::MalformedFilter(filter.to_owned())),
        Ok(topic) => Ok(Parsed { words, topic: topic.map(str::to_owned) }),
    };
    if let Err(error) = &parsed {
        Span::current().record("error.type", error.kind());
    }
    parsed
}

#[instrument(target = TARGET, skip_all, fields(words = words.len()))]
fn embed(words: &[String]) -> Vec<Vector> {
    words.iter().map(|word| embed::word(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::corpus::Author;

    fn query(text: &str, filter: Option<&str>) -> Query {
        Query { text: text.into(), filter: filter.map(str::to_owned) }
    }

    #[tokio::test]
    async fn a_search_finds_documents_of_the_topic_and_repeats_itself_from_the_cache() {
        let engine = Engine::new(&Author::new().documents(300, 1));
        let asked = query("harbour tide anchor", Some("topic:harbour"));
        let first = engine.search(asked.clone()).await.unwrap();
        assert!(first.len() == RESULTS && first.iter().all(|found| found.topic == "harbour"));
        assert!(first.is_sorted_by(|a, b| a.score >= b.score));
        let again = engine.search(asked).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again));
    }

    #[tokio::test]
    async fn the_fault_changes_the_work_and_not_the_answer_of_a_plain_query() {
        let documents = Author::new().documents(300, 1);
        let (well, broken) = (Engine::new(&documents), Engine::new(&documents));
        broken.break_rerank();
        let asked = query("telescope orbit comet", None);
        let (well, broken) = (well.search(asked.clone()).await.unwrap(), broken.search(asked).await.unwrap());
        assert_eq!(well[0].topic, broken[0].topic);
    }

    #[tokio::test]
    async fn too_many_queries_at_once_are_turned_away_and_the_cache_still_answers() {
        let engine = Engine::new(&Author::new().documents(100, 1));
        let cached = query("tide", None);
        engine.search(cached.clone()).await.unwrap();
        let computed = &engine.0.computed;
        let busy = computed.try_acquire_many(computed.available_permits().try_into().unwrap()).unwrap();
        assert_eq!(engine.search(query("anchor", None)).await, Err(SearchError::Overloaded));
        assert!(engine.search(cached).await.is_ok());
        drop(busy);
        assert!(engine.search(query("anchor", None)).await.is_ok());
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused_by_kind() {
        let engine = Engine::new(&[]);
        for (text, filter, kind) in
            [("", None, "empty_query"), (" ,;", None, "empty_query"), ("tide", Some("harbour"), "malformed_filter")]
        {
            assert_eq!(engine.search(query(text, filter)).await.unwrap_err().kind(), kind);
        }
        assert!(engine.search(query("tide", None)).await.unwrap().is_empty());
    }
}
