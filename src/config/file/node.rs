//! A configuration file as a small tree whose every node knows its place.

use std::collections::{BTreeSet, HashMap};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag};

use super::scalar::Scalar;
use super::substitute::substitute;
use crate::Error;
use crate::config::Environment;

/// Weight of all nodes at most, those that aliases repeat included: a file of nested aliases could otherwise fill the
/// memory. A node weighs 1, and its text 1 for each 128 bytes.
const WEIGHT: usize = 10_000;
/// Collections within each other at most.
const DEPTH: usize = 64;

/// Line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }
}

/// One value.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Its type and its text, both after substitution.
    Scalar(Scalar, String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
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

/// Reads the one document of a file and puts the variables in.
pub(super) fn read<'a>(file: &'a str, text: &'a str, environment: &'a Environment) -> Result<Document, Error> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    Builder::new(file, text, options, environment).document()
}

/// A file's content.
pub(super) struct Document {
    pub(super) root: Node,
    /// Names of the variables that the file refers to.
    pub(super) variables: BTreeSet<String>,
}

struct Builder<'a> {
    file: &'a str,
    events: Parser<'a, StrInput<'a>>,
    environment: &'a Environment,
    anchors: HashMap<usize, Node>,
    weight: usize,
    variables: BTreeSet<String>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a str, text: &'a str, options: Options, environment: &'a Environment) -> Self {
        Self {
            file,
            events: Parser::new_from_str_with_options(text, options),
            environment,
            anchors: HashMap::new(),
            weight: 0,
            variables: BTreeSet::new(),
        }
    }

    fn document(mut self) -> Result<Document, Error> {
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
                event => root = Some(self.node(event, place, 0)?),
            }
        }
        match root {
            Some(root) => Ok(Document { root, variables: self.variables }),
            None => Err(self.error(Place { line: 1, column: 1 }, "the file is empty; expected file_format: \"1.0\"")),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
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

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Error> {
        self.grow(place, 1, depth)?;
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
        let node = Node { place, content };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn grow(&mut self, place: Place, weight: usize, depth: usize) -> Result<(), Error> {
        self.weight += weight;
        if self.weight > WEIGHT {
            return Err(self.error(place, &format!("too many values; expected at most {WEIGHT}")));
        }
        if depth > DEPTH {
            return Err(self.error(place, &format!("nested too deep; expected at most {DEPTH} levels")));
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Content, Error> {
        let mut nodes = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Content::Sequence(nodes));
            }
            nodes.push(self.node(event, span.into(), depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, Error> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let place = Place::from(span);
            // Keys are taken as they are written: substitution is for values only.
            let key = match event {
                Event::MappingEnd => return Ok(Content::Mapping(entries)),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(self.error(place, "expected a key that is a text")),
            };
            if entries.iter().any(|entry| entry.key == key) {
                return Err(self.error(place, &format!("{key:?} is given twice")));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span.into(), depth + 1)?;
            entries.push(Entry { key, place, value });
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Content, Error> {
        let (variables, environment) = (&mut self.variables, self.environment);
        let mut variable = |name: &str| {
            variables.insert(name.to_owned());
            environment.raw(name).map(String::from)
        };
        let text = match substitute(text, &mut variable) {
            Ok(text) => text.into_owned(),
            Err(reference) => {
                let message =
                    format!("{reference} is not valid; expected ${{NAME}}, ${{NAME:-default}} or ${{env:NAME}}");
                return Err(self.error(place, &message));
            }
        };
        let is_text = match tag.map(Tag::core_suffix) {
            None => style != ScalarStyle::Plain,
            Some(Some("str")) => true,
            Some(Some(_)) => false,
            Some(None) => return Err(self.error(place, "a tag that is not of YAML's core schema")),
        };
        Ok(Content::Scalar(if is_text { Scalar::Text } else { Scalar::plain(&text) }, text))
    }

    fn error(&self, place: Place, message: &str) -> Error {
        Error::file(self.file, place.line, place.column, message)
    }
}
