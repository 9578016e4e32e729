//! Prometheus' query language, as release 3.14 evaluates it: pure and synchronous, time is an argument.

mod annotations;
mod ast;
mod check;
mod error;
#[expect(dead_code, reason = "what the evaluator is to call")]
mod functions;
pub mod histogram;
mod kahan;
mod lexer;
#[expect(dead_code, reason = "what the evaluator is to call")]
mod notes;
mod number;
mod parser;
mod print;
mod quote;
mod signatures;
mod text;

pub use annotations::{Annotation, Annotations, MOST_ANNOTATIONS, Severity};
pub use ast::{
    AggregateExpr, AggregateOp, At, BinaryExpr, BinaryOp, Call, Cardinality, DurationExpr, DurationKind, Edges, Expr,
    Fill, Length, MatrixSelector, NumberLiteral, ParenExpr, Span, StringLiteral, SubqueryExpr, UnaryExpr,
    VectorMatching, VectorSelector,
};
pub use error::{ParseError, ParseErrors, Position};
pub use parser::{Experiments, MAX_DEPTH, MAX_LENGTH, parse, parse_with};
pub use signatures::{FUNCTIONS, Function, ValueType};
