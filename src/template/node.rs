//! The parts of a template.

use std::collections::HashMap;

use super::functions::Function;
use super::value::Value;

/// A template with the templates that it defines.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Vec<Node>,
    pub(super) defined: HashMap<String, Vec<Node>>,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    /// `{{ pipeline }}`; one that declares or sets a variable gives no text.
    Action(Pipeline),
    If(Branch),
    Range(Branch),
    With(Branch),
    /// `{{ template "name" pipeline }}`
    Template {
        name: String,
        pipeline: Option<Pipeline>,
    },
    Break,
    Continue,
}

/// A pipeline and what is done for its value.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands, each of which gives its value to the next as its last argument.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    /// Variables that take the value: one, or two in a range.
    pub(super) variables: Vec<String>,
    /// Whether they are declared (`:=`) or set (`=`).
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
    /// As it was written, for messages.
    pub(super) text: String,
}

/// A word and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) words: Vec<Operand>,
}

/// A term with the fields that are taken from it.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) term: Term,
    pub(super) fields: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Term {
    /// `.`, of which the fields are taken too.
    Dot,
    Nil,
    /// A number, a text, true or false.
    Literal(Value),
    Variable(String),
    Function(&'static Function),
    Pipeline(Box<Pipeline>),
}
