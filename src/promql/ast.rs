//! The nodes of an expression, in Prometheus' own words.

use std::fmt;

use super::signatures::{Function, ValueType};
use crate::history::Matcher;

/// The bytes of the query that a node was read from: `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// From the beginning of this one to the end of the other.
    pub(crate) fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }
}

/// An expression. [`fmt::Display`] prints it as Prometheus does; what is printed reads back as the same expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// `sum by (job) (up)`
    Aggregate(AggregateExpr),
    /// `a / on (job) b`
    Binary(BinaryExpr),
    /// `rate(x[5m])`
    Call(Call),
    /// `x[5m]`
    Matrix(MatrixSelector),
    /// `1.5`
    Number(NumberLiteral),
    /// `(a)`
    Paren(ParenExpr),
    /// `"text"`
    String(StringLiteral),
    /// `x[1h:1m]`
    Subquery(SubqueryExpr),
    /// `-a`
    Unary(UnaryExpr),
    /// `x{job="search"}`
    Vector(VectorSelector),
}

impl Expr {
    /// Where it stands in the query.
    pub fn span(&self) -> Span {
        match self {
            Self::Aggregate(node) => node.span,
            Self::Binary(node) => node.lhs.span().to(node.rhs.span()),
            Self::Call(node) => node.span,
            Self::Matrix(node) => node.span,
            Self::Number(node) => node.span,
            Self::Paren(node) => node.span,
            Self::String(node) => node.span,
            Self::Subquery(node) => node.span,
            Self::Unary(node) => node.span,
            Self::Vector(node) => node.span,
        }
    }

    /// What it evaluates to.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Aggregate(_) | Self::Vector(_) => ValueType::Vector,
            Self::Binary(node) => {
                let sides = (node.lhs.value_type(), node.rhs.value_type());
                if sides == (ValueType::Scalar, ValueType::Scalar) { ValueType::Scalar } else { ValueType::Vector }
            }
            Self::Call(node) => node.function.returns,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Number(_) => ValueType::Scalar,
            Self::Paren(node) => node.expr.value_type(),
            Self::String(_) => ValueType::String,
            Self::Unary(node) => node.expr.value_type(),
        }
    }

    /// The expressions directly inside it, in the order in which Prometheus walks them.
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Aggregate(node) => std::iter::once(&*node.expr).chain(node.param.as_deref()).collect(),
            Self::Binary(node) => vec![&node.lhs, &node.rhs],
            Self::Call(node) => node.args.iter().collect(),
            Self::Paren(node) => vec![&node.expr],
            Self::Subquery(node) => vec![&node.expr],
            Self::Unary(node) => vec![&node.expr],
            Self::Matrix(_) | Self::Number(_) | Self::String(_) | Self::Vector(_) => Vec::new(),
        }
    }

    /// Every selector of series in it, those of ranges included, from left to right.
    pub fn selectors(&self) -> Vec<&VectorSelector> {
        match self {
            Self::Vector(node) => vec![node],
            Self::Matrix(node) => vec![&node.selector],
            other => other.children().into_iter().flat_map(Self::selectors).collect(),
        }
    }
}

/// An aggregation over the series of a vector.
#[derive(Debug, Clone)]
pub struct AggregateExpr {
    /// How.
    pub op: AggregateOp,
    /// Over what: an instant vector.
    pub expr: Box<Expr>,
    /// The first argument of those operators that take one (`topk(5, x)`).
    pub param: Option<Box<Expr>>,
    /// Labels named after `by` or `without`.
    pub grouping: Vec<String>,
    /// Whether those labels are dropped rather than kept.
    pub without: bool,
    /// Where it stands.
    pub span: Span,
}

/// An operator between two expressions.
#[derive(Debug, Clone)]
pub struct BinaryExpr {
    /// Which.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: Box<Expr>,
    /// Right side.
    pub rhs: Box<Expr>,
    /// How series find each other; there only when both sides are vectors.
    pub matching: Option<VectorMatching>,
    /// `bool`: a comparison gives 0 or 1 instead of filtering.
    pub return_bool: bool,
}

/// How the series of two vectors find each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorMatching {
    /// How many of one side may meet how many of the other.
    pub cardinality: Cardinality,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Whether those labels are compared (`on`) rather than left out (`ignoring`).
    pub on: bool,
    /// Labels of the "one" side that `group_left` or `group_right` takes over.
    pub include: Vec<String>,
    /// Values for series that find no partner.
    pub fill: Fill,
}

/// How many series of the left side may meet how many of the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cardinality {
    /// Without a modifier.
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// What stands in for a series that is missing on one side; `None`: there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fill {
    /// For the left side: `fill_left` or `fill`.
    pub left: Option<f64>,
    /// For the right side: `fill_right` or `fill`.
    pub right: Option<f64>,
}

/// A function with its arguments.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which.
    pub function: &'static Function,
    /// With what; their number and types are what the function takes.
    pub args: Vec<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// The samples of series over a range of time.
#[derive(Debug, Clone)]
pub struct MatrixSelector {
    /// Of which series; `@`, `offset` and the kind of range are kept here. Its span ends before the bracket.
    pub selector: VectorSelector,
    /// How far back.
    pub range: Length,
    /// Where it stands.
    pub span: Span,
}

/// The newest sample of each of some series.
#[derive(Debug, Clone)]
pub struct VectorSelector {
    /// The metric's name when it was written before the braces.
    pub name: Option<String>,
    /// What the labels must be; the name is the last of them.
    pub matchers: Vec<Matcher>,
    /// `@`: at a time of its own.
    pub at: Option<At>,
    /// `offset`: so much earlier than that time.
    pub offset: Length,
    /// How the edges of a range are treated.
    pub edges: Edges,
    /// Where it stands.
    pub span: Span,
}

/// How a range selector treats its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Edges {
    /// Samples inside only.
    #[default]
    Inside,
    /// `anchored`: with the last sample before each edge.
    Anchored,
    /// `smoothed`: with interpolated samples at the edges.
    Smoothed,
}

/// An expression evaluated at many times.
#[derive(Debug, Clone)]
pub struct SubqueryExpr {
    /// What.
    pub expr: Box<Expr>,
    /// How far back.
    pub range: Length,
    /// How often; `None`: at the default step of the evaluation.
    pub step: Option<Length>,
    /// `@`: at a time of its own.
    pub at: Option<At>,
    /// `offset`: so much earlier than that time.
    pub offset: Length,
    /// Where it stands.
    pub span: Span,
}

/// `@`: the time at which a selector is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the Unix epoch.
    Time(i64),
    /// `start()`: of the query.
    Start,
    /// `end()`: of the query.
    End,
}

/// A length of time: known, or calculated when the query's range and step are.
#[derive(Debug, Clone)]
pub enum Length {
    /// Milliseconds.
    Fixed(i64),
    /// Seconds, once calculated.
    Calculated(Box<DurationExpr>),
}

impl Default for Length {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

/// An expression for a length of time (an experiment of Prometheus): `step() + 1m`.
#[derive(Debug, Clone)]
pub struct DurationExpr {
    /// What is calculated.
    pub kind: DurationKind,
    /// Whether it stands in parentheses.
    pub wrapped: bool,
    /// Where it stands, without its parentheses.
    pub span: Span,
}

/// What a [`DurationExpr`] calculates. All values are seconds.
#[derive(Debug, Clone)]
pub enum DurationKind {
    /// A number or duration.
    Number(NumberLiteral),
    /// `step()`: of the query.
    Step,
    /// `range()`: of the query, its end less its start.
    Range,
    /// `-a`
    Negate(Box<DurationExpr>),
    /// `min_of(a, b)`
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `max_of(a, b)`
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `a + b` and the other operators of arithmetic, `atan2` excepted.
    Binary(BinaryOp, Box<DurationExpr>, Box<DurationExpr>),
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub struct NumberLiteral {
    /// Its value; seconds when it was written as a duration.
    pub value: f64,
    /// Whether it was written as a duration (`5m`).
    pub duration: bool,
    /// Where it stands.
    pub span: Span,
}

/// An expression in parentheses.
#[derive(Debug, Clone)]
pub struct ParenExpr {
    /// What is inside.
    pub expr: Box<Expr>,
    /// Where it stands, parentheses included.
    pub span: Span,
}

/// A text.
#[derive(Debug, Clone)]
pub struct StringLiteral {
    /// Its value, escapes resolved.
    pub value: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// A sign before an expression.
#[derive(Debug, Clone)]
pub struct UnaryExpr {
    /// Whether the sign is a minus.
    pub negative: bool,
    /// What follows.
    pub expr: Box<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// Words and signs of the language and the Rust names of what they mean.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written in a query.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// By the way it is written, in small letters.
            pub fn named(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// An operator between two expressions.
    BinaryOp {
        Add = "+",
        Sub = "-",
        Mul = "*",
        Div = "/",
        Mod = "%",
        Pow = "^",
        Atan2 = "atan2",
        Equal = "==",
        NotEqual = "!=",
        Less = "<",
        LessEqual = "<=",
        Greater = ">",
        GreaterEqual = ">=",
        TrimUpper = "</",
        TrimLower = ">/",
        And = "and",
        Or = "or",
        Unless = "unless",
    }
}

impl BinaryOp {
    /// Whether it compares. The trim operators do not.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
    }

    /// Whether it joins vectors as sets.
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

words! {
    /// How the series of a vector become one.
    AggregateOp {
        Avg = "avg",
        Bottomk = "bottomk",
        Count = "count",
        CountValues = "count_values",
        Group = "group",
        LimitRatio = "limit_ratio",
        Limitk = "limitk",
        Max = "max",
        Min = "min",
        Quantile = "quantile",
        Stddev = "stddev",
        Stdvar = "stdvar",
        Sum = "sum",
        Topk = "topk",
    }
}

impl AggregateOp {
    /// The type of its first argument, when it takes one besides the vector.
    pub fn param(self) -> Option<ValueType> {
        match self {
            Self::Bottomk | Self::Topk | Self::Quantile | Self::Limitk | Self::LimitRatio => Some(ValueType::Scalar),
            Self::CountValues => Some(ValueType::String),
            _ => None,
        }
    }

    /// Whether Prometheus wants `promql-experimental-functions` switched on for it.
    pub fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }
}
