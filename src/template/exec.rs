//! A template filled in (`text/template/exec.go`), within limits.

use std::collections::HashMap;
use std::sync::Arc;

use super::functions::{Call, Calls, Function, bounded};
use super::node::{Branch, Command, Node, Operand, Pipeline, Term, Tree};
use super::text::Text;
use super::time::Zone;
use super::value::{AlertData, Value};
use super::{Context, DEPTH, Data, SIZE, STEPS, format, html, time};

/// What a template makes of an alert.
pub(super) fn execute(tree: &Tree, data: &Data<'_>, context: &Context<'_>) -> Result<String, String> {
    let alert = AlertData {
        labels: data.labels.clone(),
        external_labels: context.external_labels.cloned().unwrap_or_default(),
        external_url: context.external_url.into(),
        value: data.value.into(),
    };
    let variables = vec![
        ("$labels".to_owned(), Value::Labels(alert.labels.clone())),
        ("$externalLabels".to_owned(), Value::Labels(alert.external_labels.clone())),
        ("$externalURL".to_owned(), Value::Text(Arc::clone(&alert.external_url))),
        ("$value".to_owned(), alert.value.clone()),
    ];
    let terms = Terms { others: &HashMap::new(), variables, html: false, size: SIZE, steps: STEPS };
    run(tree, &Value::Alert(Arc::new(alert)), terms, context)
}

/// On which terms a template is filled in.
pub(super) struct Terms<'a> {
    /// Templates that are defined elsewhere.
    pub(super) others: &'a HashMap<String, Vec<Node>>,
    /// Besides `$`.
    pub(super) variables: Vec<(String, Value)>,
    /// Whether values are escaped for HTML.
    pub(super) html: bool,
    /// Bytes of the result at most.
    pub(super) size: usize,
    /// Steps at most.
    pub(super) steps: usize,
}

/// What a template makes of `dot`.
pub(super) fn run(tree: &Tree, dot: &Value, terms: Terms<'_>, context: &Context<'_>) -> Result<String, String> {
    let Terms { others, mut variables, html, size, steps: most_steps } = terms;
    variables.insert(0, ("$".to_owned(), dot.clone()));
    let calls = Calls { context, queries: 0 };
    let output = Text::of(size);
    let mut execution = Execution { tree, others, html, calls, variables, output, steps: 0, most_steps, depth: 0 };
    execution.walk(&tree.root, dot)?;
    execution.output.finish()
}

/// How the nodes of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Execution<'a> {
    tree: &'a Tree,
    others: &'a HashMap<String, Vec<Node>>,
    html: bool,
    calls: Calls<'a>,
    /// Those in reach, the innermost last.
    variables: Vec<(String, Value)>,
    output: Text,
    steps: usize,
    most_steps: usize,
    /// Lists of nodes and pipelines within each other.
    depth: usize,
}

impl Execution<'_> {
    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > self.most_steps {
            return Err(format!("too many steps; expected at most {}", self.most_steps));
        }
        if self.output.is_full() {
            return Err("the text is too long".to_owned());
        }
        Ok(())
    }

    fn walk(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, String> {
        self.depth += 1;
        if self.depth > 4 * DEPTH {
            return Err("templates within each other too deep".to_owned());
        }
        let known = self.variables.len();
        let mut flow = Flow::Next;
        for node in nodes {
            self.step()?;
            flow = self.node(node, dot)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, String> {
        match node {
            Node::Text(text) => self.output.push(text),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.print(&value);
                }
            }
            Node::If(branch) => return self.branch(branch, dot, false),
            Node::With(branch) => return self.branch(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { name, pipeline } => self.template(name, pipeline.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// Of nothing at all, templates say so.
    fn print(&mut self, value: &Value) {
        match value {
            value if self.html => html::print(&mut self.output, value),
            Value::Nil => self.output.push("<no value>"),
            value => format::value(&mut self.output, value),
        }
    }

    fn branch(&mut self, branch: &Branch, dot: &Value, with: bool) -> Result<Flow, String> {
        let known = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = if value.truth() {
            self.walk(&branch.then, if with { &value } else { dot })
        } else {
            self.walk(&branch.otherwise, dot)
        };
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow, String> {
        let known = self.variables.len();
        let value = self.pipeline_value(&branch.pipeline, dot)?;
        if branch.pipeline.declares {
            let names = branch.pipeline.variables.iter();
            self.variables.extend(names.map(|name| (name.clone(), Value::Nil)));
        }
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match value {
            Value::Nil => Box::new(std::iter::empty()),
            Value::Int(count) => Box::new((0..count).map(|at| (Value::Int(at), Value::Int(at)))),
            Value::Vector(samples) => {
                let samples: Vec<Value> = samples.iter().cloned().map(Value::Sample).collect();
                Box::new((0_i64..).map(Value::Int).zip(samples))
            }
            Value::Labels(labels) => {
                let text = |text: &Arc<str>| Value::Text(Arc::clone(text));
                let entries: Vec<(Value, Value)> =
                    labels.iter().map(|(name, value)| (text(name), text(value))).collect();
                Box::new(entries.into_iter())
            }
            Value::Map(map) => {
                let entry = |(name, value): (&String, &Value)| (Value::text(name.as_str()), value.clone());
                let entries: Vec<(Value, Value)> = map.entries.iter().map(entry).collect();
                Box::new(entries.into_iter())
            }
            Value::Part(part) => Box::new(part.items()?.into_iter()),
            other => return Err(format!("range can't iterate over {}", super::builtin::shown(&other))),
        };
        let mut empty = true;
        for (key, item) in items {
            empty = false;
            self.step()?;
            match branch.pipeline.variables.as_slice() {
                [] => {}
                [one] => self.set(one, item.clone())?,
                [first, second, ..] => {
                    self.set(first, key)?;
                    self.set(second, item.clone())?;
                }
            }
            if self.walk(&branch.then, &item)? == Flow::Break {
                break;
            }
        }
        self.variables.truncate(known);
        if empty { self.walk(&branch.otherwise, dot) } else { Ok(Flow::Next) }
    }

    fn template(&mut self, name: &str, pipeline: Option<&Pipeline>, dot: &Value) -> Result<(), String> {
        let (tree, others) = (self.tree, self.others);
        let Some(nodes) = tree.defined.get(name).or_else(|| others.get(name)) else {
            return Err(format!("{{{{template {name:?}}}}}: template {name:?} not defined"));
        };
        let dot = pipeline.map_or(Ok(Value::Nil), |pipeline| self.pipeline(pipeline, dot))?;
        let outside = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot.clone())]);
        self.walk(nodes, &dot)?;
        self.variables = outside;
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => return Err(format!("undefined variable: {name}")),
        }
        Ok(())
    }

    /// The value of a pipeline, which its variables take.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
        let value = self.pipeline_value(pipeline, dot)?;
        for name in &pipeline.variables {
            if pipeline.declares {
                self.variables.push((name.clone(), value.clone()));
            } else {
                self.set(name, value.clone())?;
            }
        }
        Ok(value)
    }

    fn pipeline_value(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
        self.step()?;
        self.depth += 1;
        if self.depth > 4 * DEPTH {
            return Err("templates within each other too deep".to_owned());
        }
        let mut value = None;
        for command in &pipeline.commands {
            let result = self.command(command, dot, value.take());
            value = Some(result.map_err(|why| format!("<{}>: {why}", pipeline.text))?);
        }
        self.depth -= 1;
        Ok(value.unwrap_or(Value::Nil))
    }

    /// A word with its arguments; `last` is what the command before it gave.
    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let (word, arguments) = (&command.words[0], &command.words[1..]);
        if let (Term::Function(function), true) = (&word.term, word.fields.is_empty()) {
            return self.call(function, arguments, dot, last);
        }
        let Some((method, fields)) = word.fields.split_last() else {
            if !arguments.is_empty() || last.is_some() {
                return Err("can't give argument to non-function".to_owned());
            }
            return self.operand(word, dot);
        };
        // Only the last of the fields may take arguments.
        let mut value = self.term(word, dot)?;
        for name in fields {
            value = field(&value, name, &[])?;
        }
        let mut values = arguments.iter().map(|argument| self.operand(argument, dot)).collect::<Result<Vec<_>, _>>()?;
        values.extend(last);
        field(&value, method, &values)
    }

    fn call(
        &mut self,
        function: &'static Function,
        arguments: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, String> {
        function.check(arguments.len() + usize::from(last.is_some()))?;
        match &function.call {
            Call::Values(call) => {
                let mut values =
                    arguments.iter().map(|argument| self.operand(argument, dot)).collect::<Result<Vec<_>, _>>()?;
                values.extend(last);
                let result = call(&mut self.calls, &values).and_then(bounded);
                result.map_err(|why| format!("error calling {}: {why}", function.name))
            }
            Call::Until(end) => {
                let mut value = Value::Nil;
                for argument in arguments {
                    value = self.operand(argument, dot)?;
                    if value.truth() == *end {
                        return Ok(value);
                    }
                }
                Ok(last.unwrap_or(value))
            }
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, String> {
        let mut value = self.term(operand, dot)?;
        for name in &operand.fields {
            value = field(&value, name, &[])?;
        }
        Ok(value)
    }

    fn term(&mut self, operand: &Operand, dot: &Value) -> Result<Value, String> {
        self.step()?;
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Literal(value) => Ok(value.clone()),
            Term::Variable(name) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone()).ok_or_else(|| format!("undefined variable: {name}"))
            }
            Term::Function(function) => self.call(function, &[], dot, None),
            Term::Pipeline(pipeline) => self.pipeline(pipeline, dot),
        }
    }
}

/// A field, a method or an entry of a value.
fn field(value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    let method = match value {
        Value::Time(nanos) => time::method(i128::from(*nanos), &Zone::UTC, name, args),
        Value::Duration(nanos) => time::duration_method(*nanos, name, args),
        _ => None,
    };
    if let Some(result) = method {
        return result;
    }
    if let Value::Part(part) = value {
        return part.field(name, args);
    }
    let found = match (value, name) {
        (Value::Labels(labels), name) => Some(Value::text(labels.get(name).unwrap_or_default())),
        (Value::Map(map), name) => Some(map.entries.get(name).cloned().unwrap_or(Value::Nil)),
        (Value::Sample(sample), "Labels") => Some(Value::Labels(sample.labels.clone())),
        (Value::Sample(sample), "Value") => Some(Value::from(&sample.value)),
        (Value::Histogram(histogram), "Count") => Some(Value::Float(histogram.count)),
        (Value::Histogram(histogram), "Sum") => Some(Value::Float(histogram.sum)),
        (Value::Alert(data), "Labels") => Some(Value::Labels(data.labels.clone())),
        (Value::Alert(data), "ExternalLabels") => Some(Value::Labels(data.external_labels.clone())),
        (Value::Alert(data), "ExternalURL") => Some(Value::Text(Arc::clone(&data.external_url))),
        (Value::Alert(data), "Value") => Some(data.value.clone()),
        (Value::Nil, name) => return Err(format!("nil data; no entry for key {name:?}")),
        _ => None,
    };
    match found {
        Some(_) if !args.is_empty() => Err(format!("{name} has arguments but cannot be invoked as function")),
        Some(value) => Ok(value),
        None => Err(format!("can't evaluate field {name} in type {}", value.type_name())),
    }
}
