//! A file as a small tree whose every node knows its place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::fault::Fault;
use super::scalar::Scalar;

/// Collections within each other at most.
const DEPTH: usize = 64;

/// What a kind of file allows.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Weight of all nodes at most, those that aliases repeat included: a file of nested aliases could otherwise fill
    /// the memory. A node weighs 1, and its text 1 for each 128 bytes. Default 10,000.
    pub weight: usize,
    /// Whether the key `<<` puts the entries of another mapping in, as YAML 1.1 had it and Go's library still does.
    /// Default no.
    pub merge: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { weight: 10_000, merge: false }
    }
}

/// Puts variables into a scalar; an error is what to say about it.
pub type Substitute<'a> = &'a mut dyn for<'t> FnMut(&'t str) -> Result<Cow<'t, str>, String>;

/// Line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The first one is 1.
    pub line: usize,
    /// In characters; the first one is 1.
    pub column: usize,
}

impl Place {
    /// Where a file begins.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }
}

/// One value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins; of an alias, where the alias stands.
    pub place: Place,
    /// What it holds.
    pub content: Content,
    pub(super) written: Written,
}

/// How a scalar stands in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// Its bytes; of a block without the header.
    pub(super) bytes: Range<usize>,
    /// The quotes around it.
    pub(super) quote: Option<char>,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Its type and its text, both after substitution.
    Scalar(Scalar, String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order of the file.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As written: variables are put into values only.
    pub key: String,
    /// Of the key.
    pub place: Place,
    /// What stands behind it.
    pub value: Node,
}

impl Node {
    /// Whether there is nothing, or a word that stands for nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Scalar::Null, _))
    }

    /// What it weighs with all that is in it, and how deep that lies.
    fn size(&self) -> (usize, usize) {
        let parts: Vec<(usize, usize)> = match &self.content {
            Content::Scalar(_, text) => return (1 + text.len() / 128, 0),
            Content::Sequence(nodes) => nodes.iter().map(Self::size).collect(),
            Content::Mapping(entries) => entries.iter().map(|entry| entry.value.size()).collect(),
        };
        let depth = parts.iter().map(|(_, depth)| depth + 1).max().unwrap_or(1);
        (parts.iter().map(|(weight, _)| weight).sum::<usize>() + 1, depth)
    }
}

/// Reads the one document of a file; `None` when there is nothing in it. `file` is its name, for messages.
///
/// # Errors
/// When it is not YAML, has a key twice or more documents than one, or is beyond the limits. Only the first such fault:
/// what follows it would be a guess.
pub fn read(
    file: &str,
    text: &str,
    options: &Options,
    substitute: Option<Substitute<'_>>,
) -> Result<Option<Node>, Fault> {
    let parser = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let events = Parser::new_from_str_with_options(text, parser);
    Builder { file, events, options: *options, substitute, anchors: HashMap::new(), weight: 0 }.document()
}

struct Builder<'a, 's> {
    file: &'a str,
    events: Parser<'a, StrInput<'a>>,
    options: Options,
    substitute: Option<Substitute<'s>>,
    anchors: HashMap<usize, Node>,
    weight: usize,
}

impl<'a> Builder<'a, '_> {
    fn document(mut self) -> Result<Option<Node>, Fault> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            let place = Place::from(span);
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(self.error(place, "a second document; expected one only"));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let at = error.marker();
                let place = Place { line: at.line(), column: at.col() + 1 };
                Err(self.error(place, &format!("not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        let place = Place::from(span);
        self.grow(place, 1, depth)?;
        let quote = match &event {
            Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) => Some('"'),
            Event::Scalar(_, ScalarStyle::SingleQuoted, ..) => Some('\''),
            _ => None,
        };
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (self.scalar(&text, style, tag.as_deref(), place)?, anchor),
            Event::SequenceStart(_, anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id).cloned() else {
                    return Err(self.error(place, "an alias within the value that it stands for"));
                };
                let (weight, below) = target.size();
                self.grow(place, weight, depth + below)?;
                return Ok(Node { place, ..target });
            }
            _ => return Err(self.error(place, "not YAML: expected a value")),
        };
        let written = Written { bytes: span.byte_range().unwrap_or_default(), quote };
        let node = Node { place, content, written };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn grow(&mut self, place: Place, weight: usize, depth: usize) -> Result<(), Fault> {
        self.weight += weight;
        if self.weight > self.options.weight {
            return Err(self.error(place, &format!("too many values; expected at most {}", self.options.weight)));
        }
        if depth > DEPTH {
            return Err(self.error(place, &format!("nested too deep; expected at most {DEPTH} levels")));
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Content, Fault> {
        let mut nodes = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Content::Sequence(nodes));
            }
            nodes.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, Fault> {
        let (mut entries, mut keys, mut merged) = (Vec::new(), HashSet::new(), Vec::new());
        loop {
            let (event, span) = self.next()?;
            let place = Place::from(span);
            // Keys are taken as they are written: substitution is for values only.
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(self.error(place, "expected a key that is a text")),
            };
            if !keys.insert(key.clone()) {
                return Err(self.error(place, &format!("{key:?} is given twice")));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if self.options.merge && key == "<<" {
                merged = self.merged(value)?;
            } else {
                entries.push(Entry { key, place, value });
            }
        }
        // What the mapping says itself comes before what it takes over.
        entries.extend(merged.into_iter().filter(|entry| keys.insert(entry.key.clone())));
        Ok(Content::Mapping(entries))
    }

    /// The entries that the value of `<<` stands for: of a mapping, or of several, of which the first counts.
    fn merged(&self, value: Node) -> Result<Vec<Entry>, Fault> {
        match value.content {
            Content::Mapping(entries) => Ok(entries),
            Content::Sequence(nodes) if nodes.iter().all(|node| matches!(node.content, Content::Mapping(_))) => {
                nodes.into_iter().map(|node| self.merged(node)).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
            }
            _ => Err(self.error(value.place, "<<: expected a mapping or a list of mappings")),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Content, Fault> {
        let text = match &mut self.substitute {
            None => text.to_owned(),
            Some(substitute) => match substitute(text) {
                Ok(text) => text.into_owned(),
                Err(message) => return Err(self.error(place, &message)),
            },
        };
        let is_text = match tag.map(Tag::core_suffix) {
            None => style != ScalarStyle::Plain,
            Some(Some("str")) => true,
            Some(Some(_)) => false,
            Some(None) => return Err(self.error(place, "a tag that is not of YAML's core schema")),
        };
        Ok(Content::Scalar(if is_text { Scalar::Text } else { Scalar::plain(&text) }, text))
    }

    fn error(&self, place: Place, message: &str) -> Fault {
        Fault::new(self.file, place, message)
    }
}
