//! Conditions, lowered from CEL text to a tree that needs no parser and no conversion of values to run.
//!
//! The `cel` crate parses; this tree is what is left after names are resolved and functions known. It is kept because
//! the guest then carries neither the ANTLR parser nor a second value model: a comparison reads the JSON in place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::Path;

/// A condition that yields true or false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// The older one-comparison grammar with its own meaning.
    Plain(Comparison),
    /// A CEL expression.
    Cel(Expr),
}

/// One comparison of the older grammar: text without case, numbers as numbers, absent paths false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Left side.
    pub path: Path,
    /// The operator.
    pub operator: PlainOperator,
    /// Right side as it stood, without quotes; lower-cased.
    pub text: String,
    /// Right side as a number where it is one.
    pub number: Option<f64>,
}

/// Operators of the older grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlainOperator {
    /// `==`, text without case.
    Equal,
    /// `!=`, text without case; false when the path is absent.
    NotEqual,
    /// `>=`, numbers.
    AtLeast,
    /// `<=`, numbers.
    AtMost,
    /// `>`, numbers.
    More,
    /// `<`, numbers.
    Less,
    /// ` contains `, text without case.
    Contains,
}

/// A CEL expression over the flow's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A constant.
    Literal(Value),
    /// A value of the flow; null when absent.
    Path(Path),
    /// A variable of a macro (`all`, `exists`, `map`, `filter`), by its place counted from the outermost.
    Local(u32),
    /// A field of another expression; null when absent.
    Field(Box<Expr>, String),
    /// `a[b]`.
    Index(Box<Expr>, Box<Expr>),
    /// `has(a.b)`: the field is there and not null.
    Has(Box<Expr>),
    /// `!a`.
    Not(Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `a && b`: false wins over an error on the other side.
    And(Box<Expr>, Box<Expr>),
    /// `a || b`: true wins over an error on the other side.
    Or(Box<Expr>, Box<Expr>),
    /// `a ? b : c`.
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A comparison or an arithmetic operation.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// A function, receiver first.
    Call(Function, Vec<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{k: v}`, keys must be text.
    Map(Vec<(Expr, Expr)>),
    /// The loop a macro expands to.
    Fold(Box<Fold>),
}

/// What a macro expands to; the element and the accumulator are the two locals at `depth` and `depth + 1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fold {
    /// The list, or the map whose keys are visited.
    pub over: Expr,
    /// Start of the accumulator.
    pub start: Expr,
    /// The loop ends when this is false.
    pub proceed: Expr,
    /// Next accumulator.
    pub step: Expr,
    /// What the loop yields.
    pub result: Expr,
}

/// Operators on two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `==`: numbers by value whatever their type, everything else by type and value.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    More,
    /// `>=`.
    AtLeast,
    /// `+`: numbers, texts, lists.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`, whole numbers.
    Remainder,
    /// `in`: element of a list, key of a map.
    In,
}

/// Functions offered in conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Function {
    /// `size(x)`: characters, elements or keys.
    Size,
    /// `x.contains(y)`.
    Contains,
    /// `x.startsWith(y)`.
    StartsWith,
    /// `x.endsWith(y)`.
    EndsWith,
    /// `x.matches(pattern)`: a regular expression found anywhere in x.
    Matches,
    /// `int(x)`.
    Int,
    /// `double(x)`.
    Double,
    /// `string(x)`.
    Text,
    /// `bool(x)`.
    Bool,
    /// `x.lowerAscii()`.
    Lower,
    /// `x.upperAscii()`.
    Upper,
    /// `x.trim()`.
    Trim,
}

impl Condition {
    /// The regular expressions in it that stand there as a constant; they are compiled at load.
    #[must_use]
    pub fn patterns(&self) -> Vec<&str> {
        let mut patterns = Vec::new();
        if let Self::Cel(expr) = self {
            expr.walk(&mut |expr| {
                if let Expr::Call(Function::Matches, arguments) = expr
                    && let Some(Expr::Literal(Value::String(pattern))) = arguments.get(1)
                {
                    patterns.push(pattern.as_str());
                }
            });
        }
        patterns
    }
}

impl Expr {
    /// Visits this expression and everything in it, outermost first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        match self {
            Self::Literal(_) | Self::Path(_) | Self::Local(_) => {}
            Self::Field(of, _) | Self::Has(of) | Self::Not(of) | Self::Negate(of) => of.walk(visit),
            Self::Index(a, b) | Self::And(a, b) | Self::Or(a, b) | Self::Binary(_, a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            Self::Choose(a, b, c) => [a, b, c].into_iter().for_each(|expr| expr.walk(visit)),
            Self::Call(_, items) | Self::List(items) => {
                items.iter().for_each(|expr| expr.walk(visit))
            }
            Self::Map(entries) => entries.iter().for_each(|(key, value)| {
                key.walk(visit);
                value.walk(visit);
            }),
            Self::Fold(fold) => {
                let Fold {
                    over,
                    start,
                    proceed,
                    step,
                    result,
                } = fold.as_ref();
                [over, start, proceed, step, result]
                    .into_iter()
                    .for_each(|expr| expr.walk(visit));
            }
        }
    }
}
