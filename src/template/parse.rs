//! From words to nodes (`text/template/parse/parse.go`).

use std::collections::HashMap;

use super::functions::Dialect;
use super::lexer::{Kind, Token, error, tokens};
use super::node::{Branch, Command, Node, Operand, Pipeline, Term, Tree};
use super::number;
use super::value::Value;
use super::{DEPTH, TemplateError};
use crate::nearest::nearest;

const KEYWORDS: [&str; 11] =
    ["block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"];

pub(super) fn parse(source: &str, dialect: &'static Dialect) -> Result<Tree, TemplateError> {
    let mut parser = Parser {
        source,
        dialect,
        tokens: tokens(source)?,
        next: 0,
        variables: dialect.variables.iter().copied().map(String::from).collect(),
        defined: HashMap::new(),
        ranges: 0,
        depth: 0,
    };
    let (root, end) = parser.list(true)?;
    match end {
        Stop::File => Ok(Tree { root, defined: parser.defined }),
        Stop::End(at) => Err(error(at, "unexpected {{end}}")),
        Stop::Else(at) => Err(error(at, "unexpected {{else}}")),
    }
}

/// What ended a list of nodes, and where.
enum Stop {
    File,
    End(usize),
    /// The next token is what follows the word.
    Else(usize),
}

struct Parser<'a> {
    source: &'a str,
    dialect: &'static Dialect,
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Those that are declared here.
    variables: Vec<String>,
    defined: HashMap<String, Vec<Node>>,
    /// Ranges around this place.
    ranges: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        // The last token is the end, which is never passed.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
    }

    fn peek_word(&mut self) -> Token<'a> {
        self.skip_space();
        self.peek().clone()
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token<'a>, TemplateError> {
        let token = self.peek_word();
        if token.kind != kind {
            return Err(unexpected(&token, context));
        }
        Ok(self.take())
    }

    fn deeper(&mut self, at: usize) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEPTH { Err(error(at, format!("nested too deep; expected at most {DEPTH}"))) } else { Ok(()) }
    }

    /// Nodes up to the end of the file or of the block.
    fn list(&mut self, top: bool) -> Result<(Vec<Node>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                Kind::Text => nodes.push(Node::Text(token.text.to_owned())),
                Kind::Open => {
                    let word = self.peek_word();
                    match (word.kind, word.text) {
                        (Kind::Word, "end") => {
                            self.take();
                            self.expect(Kind::Close, "end")?;
                            return Ok((nodes, Stop::End(word.at)));
                        }
                        (Kind::Word, "else") => {
                            self.take();
                            return Ok((nodes, Stop::Else(word.at)));
                        }
                        (Kind::Word, "define") if top => self.definition()?,
                        _ => nodes.push(self.action(&word)?),
                    }
                }
                _ => return Ok((nodes, Stop::File)),
            }
        }
    }

    fn action(&mut self, word: &Token<'a>) -> Result<Node, TemplateError> {
        if word.kind == Kind::Word && KEYWORDS.contains(&word.text) && word.text != "nil" {
            self.take();
        }
        let node = match (word.kind, word.text) {
            (Kind::Word, "if") => Node::If(self.branch("if")?),
            (Kind::Word, "with") => Node::With(self.branch("with")?),
            (Kind::Word, "range") => Node::Range(self.branch("range")?),
            (Kind::Word, "template") => self.template("template clause")?,
            (Kind::Word, "block") => self.block()?,
            (Kind::Word, "break" | "continue") => {
                if self.ranges == 0 {
                    return Err(error(word.at, format!("{{{{{}}}}} outside {{{{range}}}}", word.text)));
                }
                self.expect(Kind::Close, word.text)?;
                if word.text == "break" { Node::Break } else { Node::Continue }
            }
            (Kind::Word, "define") => return Err(error(word.at, "unexpected {{define}}; expected it at the top")),
            _ => {
                let pipeline = self.pipeline("command", Kind::Close)?;
                self.expect(Kind::Close, "command")?;
                Node::Action(pipeline)
            }
        };
        Ok(node)
    }

    /// `{{ define "name" }}…{{ end }}`
    fn definition(&mut self) -> Result<(), TemplateError> {
        let at = self.take().at;
        let name = self.name("define clause")?;
        self.expect(Kind::Close, "define clause")?;
        let body = self.body(at)?;
        self.defined.insert(name, body);
        Ok(())
    }

    /// The body of a template of its own: it knows no variables of the one around it.
    fn body(&mut self, at: usize) -> Result<Vec<Node>, TemplateError> {
        let outside = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        self.deeper(at)?;
        let (body, end) = self.list(false)?;
        self.depth -= 1;
        (self.variables, self.ranges) = (outside, ranges);
        match end {
            Stop::End(_) => Ok(body),
            Stop::Else(at) => Err(error(at, "unexpected {{else}} in define clause")),
            Stop::File => Err(error(at, "unexpected end of the text; expected {{end}}")),
        }
    }

    fn name(&mut self, context: &str) -> Result<String, TemplateError> {
        let token = self.peek_word();
        let name = match token.kind {
            Kind::Quoted => number::unquote(token.text),
            Kind::Raw => Some(token.text.trim_matches('`').to_owned()),
            _ => return Err(unexpected(&token, context)),
        };
        self.take();
        name.ok_or_else(|| error(token.at, format!("{} is not a text of Go", token.text)))
    }

    fn template(&mut self, context: &'static str) -> Result<Node, TemplateError> {
        let name = self.name(context)?;
        let pipeline = match self.peek_word().kind {
            Kind::Close => None,
            _ => Some(self.pipeline(context, Kind::Close)?),
        };
        self.expect(Kind::Close, context)?;
        Ok(Node::Template { name, pipeline })
    }

    /// A definition that is used where it stands.
    fn block(&mut self) -> Result<Node, TemplateError> {
        let at = self.peek().at;
        let name = self.name("block clause")?;
        let pipeline = self.pipeline("block clause", Kind::Close)?;
        self.expect(Kind::Close, "block clause")?;
        let body = self.body(at)?;
        self.defined.insert(name.clone(), body);
        Ok(Node::Template { name, pipeline: Some(pipeline) })
    }

    fn branch(&mut self, word: &'static str) -> Result<Branch, TemplateError> {
        let known = self.variables.len();
        let at = self.peek().at;
        self.deeper(at)?;
        let pipeline = self.pipeline(word, Kind::Close)?;
        self.expect(Kind::Close, word)?;
        let range = usize::from(word == "range");
        self.ranges += range;
        let (then, end) = self.list(false)?;
        self.ranges -= range;
        let otherwise = match end {
            Stop::File => return Err(error(at, "unexpected end of the text; expected {{end}}")),
            Stop::End(_) => Vec::new(),
            Stop::Else(_) => self.otherwise(word, at)?,
        };
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(Branch { pipeline, then, otherwise })
    }

    fn otherwise(&mut self, word: &'static str, at: usize) -> Result<Vec<Node>, TemplateError> {
        let next = self.peek_word();
        if next.kind == Kind::Word && next.text == word && word != "range" {
            self.take();
            let branch = self.branch(word)?;
            return Ok(vec![if word == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.expect(Kind::Close, "else")?;
        match self.list(false)? {
            (nodes, Stop::End(_)) => Ok(nodes),
            (_, Stop::Else(at)) => Err(error(at, "expected {{end}}; found {{else}}")),
            (_, Stop::File) => Err(error(at, "unexpected end of the text; expected {{end}}")),
        }
    }

    fn pipeline(&mut self, context: &'static str, end: Kind) -> Result<Pipeline, TemplateError> {
        let start = self.peek_word().at;
        let (variables, declares) = self.declaration(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.peek_word();
            if token.kind == end {
                break;
            }
            if token.kind == Kind::Pipe && !commands.is_empty() {
                self.take();
            }
            let token = self.peek_word();
            let command = self.command(&token)?;
            let literal = matches!(&command.words[0].term, Term::Literal(_) | Term::Nil | Term::Dot);
            if !commands.is_empty() && literal && command.words[0].fields.is_empty() {
                return Err(error(
                    token.at,
                    format!("non executable command in pipeline stage {}", commands.len() + 1),
                ));
            }
            commands.push(command);
        }
        if commands.is_empty() {
            return Err(error(start, format!("missing value for {context}")));
        }
        let text = self.source[start..self.peek().at].trim().to_owned();
        Ok(Pipeline { variables, declares, commands, text })
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn declaration(&mut self, context: &'static str) -> Result<(Vec<String>, bool), TemplateError> {
        let (before, mut names) = (self.next, Vec::new());
        loop {
            let token = self.peek_word();
            if token.kind != Kind::Variable {
                break;
            }
            self.take();
            let operator = self.peek_word();
            match operator.kind {
                Kind::Declare | Kind::Assign => {
                    self.take();
                    names.push(token.text.to_owned());
                    let declares = operator.kind == Kind::Declare;
                    if declares {
                        self.variables.extend(names.iter().cloned());
                    } else if let Some(unknown) = names.iter().find(|name| !self.variables.contains(name)) {
                        return Err(self.undefined(token.at, unknown));
                    }
                    return Ok((names, declares));
                }
                Kind::Comma if context == "range" && names.is_empty() => {
                    self.take();
                    names.push(token.text.to_owned());
                }
                Kind::Comma => return Err(error(operator.at, format!("too many declarations in {context}"))),
                _ => break,
            }
        }
        if names.is_empty() {
            self.next = before;
            return Ok((Vec::new(), false));
        }
        Err(unexpected(&self.peek_word(), "range; expected two variables and :="))
    }

    fn command(&mut self, first: &Token<'a>) -> Result<Command, TemplateError> {
        let mut words = Vec::new();
        loop {
            self.skip_space();
            let Some(operand) = self.operand()? else { break };
            words.push(operand);
            let token = self.peek().clone();
            match token.kind {
                Kind::Space => {}
                Kind::Close | Kind::RightParen | Kind::Pipe => break,
                _ => return Err(unexpected(&token, "operand")),
            }
        }
        if words.is_empty() {
            return Err(unexpected(first, "command"));
        }
        Ok(Command { words })
    }

    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let token = self.peek().clone();
        let Some(term) = self.term(&token)? else { return Ok(None) };
        let mut fields = Vec::new();
        if token.kind == Kind::Field {
            fields.push(token.text[1..].to_owned());
        }
        while self.peek().kind == Kind::Field {
            let field = self.take();
            let bare = matches!(&term, Term::Literal(_) | Term::Nil) || matches!(&term, Term::Dot) && fields.is_empty();
            if bare {
                return Err(error(field.at, format!("unexpected {:?} after {}", field.text, token.text)));
            }
            fields.push(field.text[1..].to_owned());
        }
        Ok(Some(Operand { term, fields }))
    }

    fn term(&mut self, token: &Token<'a>) -> Result<Option<Term>, TemplateError> {
        let bad = |what: &str| error(token.at, format!("{} is not {what} of Go", token.text));
        let term = match token.kind {
            Kind::Dot | Kind::Field => Term::Dot,
            Kind::Word => match token.text {
                "nil" => Term::Nil,
                "true" | "false" => Term::Literal(Value::Bool(token.text == "true")),
                name if KEYWORDS.contains(&name) => return Ok(None),
                name => Term::Function(self.dialect.function(name).ok_or_else(|| self.unknown_function(token))?),
            },
            Kind::Variable => {
                if !self.variables.iter().any(|name| name == token.text) {
                    return Err(self.undefined(token.at, token.text));
                }
                Term::Variable(token.text.to_owned())
            }
            Kind::Number => Term::Literal(number::number(token.text).ok_or_else(|| bad("a number"))?),
            Kind::Char => Term::Literal(number::character(token.text).ok_or_else(|| bad("a character"))?),
            Kind::Quoted => Term::Literal(Value::text(number::unquote(token.text).ok_or_else(|| bad("a text"))?)),
            Kind::Raw => Term::Literal(Value::text(token.text.trim_matches('`').replace('\r', ""))),
            Kind::LeftParen => {
                self.take();
                self.deeper(token.at)?;
                let pipeline = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.depth -= 1;
                self.expect(Kind::RightParen, "parenthesized pipeline")?;
                return Ok(Some(Term::Pipeline(Box::new(pipeline))));
            }
            _ => return Ok(None),
        };
        self.take();
        Ok(Some(term))
    }

    fn undefined(&self, at: usize, name: &str) -> TemplateError {
        let hint = hint(name, self.variables.iter().map(String::as_str));
        error(at, format!("undefined variable {name:?}{hint}"))
    }

    fn unknown_function(&self, token: &Token<'_>) -> TemplateError {
        let hint = hint(token.text, self.dialect.names());
        error(token.at, format!("function {:?} not defined{hint}", token.text))
    }
}

fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

fn unexpected(token: &Token<'_>, context: &str) -> TemplateError {
    let what = if token.kind == Kind::End { "the end of the text".to_owned() } else { format!("{:?}", token.text) };
    error(token.at, format!("unexpected {what} in {context}"))
}
