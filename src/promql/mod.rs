//! Prometheus' query language, as release 3.14 evaluates it: pure and synchronous, time is an argument.

mod annotations;
mod answer;
mod ast;
mod check;
mod engine;
mod error;
mod functions;
pub mod histogram;
mod kahan;
mod lexer;
pub mod notation;
mod notes;
mod number;
mod parser;
mod plan;
mod print;
mod quote;
mod signatures;
mod text;
mod xxhash;

pub use annotations::{Annotation, Annotations, MOST_ANNOTATIONS, Severity};
pub use answer::{Answer, EvalError, Instant, Options, Value};
pub use ast::{
    AggregateExpr, AggregateOp, At, BinaryExpr, BinaryOp, Call, Cardinality, DurationExpr, DurationKind, Edges, Expr,
    Fill, Length, MatrixSelector, NumberLiteral, ParenExpr, Span, StringLiteral, SubqueryExpr, UnaryExpr,
    VectorMatching, VectorSelector,
};
pub use engine::{TOO_MANY_SAMPLES, instant, range};
pub use error::{ParseError, ParseErrors, Position};
pub use parser::{Experiments, MAX_DEPTH, MAX_LENGTH, MAX_NESTING, parse, parse_with};
pub use signatures::{FUNCTIONS, Function, ValueType};
