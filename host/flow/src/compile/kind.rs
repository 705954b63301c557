//! What is sure of the types in a condition at load.

use serde_json::Value;

use crate::ir::{Expr, Function, Operator, Root};

/// What is known of a type at load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Number,
    Text,
    List,
    Map,
    Null,
    Any,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Null => "null",
            Self::Any => "any value",
        }
    }
}

/// The kind of an expression's value.
pub fn kind(expr: &Expr) -> Kind {
    match expr {
        Expr::Literal(Value::Bool(_))
        | Expr::Has(_)
        | Expr::Not(_)
        | Expr::And(..)
        | Expr::Or(..) => Kind::Bool,
        Expr::Literal(Value::Number(_)) | Expr::Negate(_) => Kind::Number,
        Expr::Literal(Value::String(_)) => Kind::Text,
        Expr::Literal(Value::Null) => Kind::Null,
        Expr::Path(path) => match path.root {
            Root::Event | Root::Locale => Kind::Text,
            Root::Now => Kind::Number,
            Root::Vars | Root::Params | Root::Slots if path.steps.is_empty() => Kind::Map,
            _ => Kind::Any,
        },
        Expr::Binary(operator, left, _) => match operator {
            Operator::Add => kind(left),
            Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                Kind::Number
            }
            _ => Kind::Bool,
        },
        Expr::Choose(_, then, otherwise) if kind(then) == kind(otherwise) => kind(then),
        Expr::Call(function, _) => match function {
            Function::Size | Function::Int | Function::Double => Kind::Number,
            Function::Text | Function::Lower | Function::Upper | Function::Trim => Kind::Text,
            _ => Kind::Bool,
        },
        Expr::List(_) => Kind::List,
        Expr::Map(_) => Kind::Map,
        _ => Kind::Any,
    }
}

/// Why an operator cannot work on two kinds, if that is sure.
pub fn clash(operator: Operator, left: Kind, right: Kind) -> Option<String> {
    let any = left == Kind::Any || right == Kind::Any;
    let both = |wanted: Kind| {
        [left, right]
            .iter()
            .all(|kind| *kind == wanted || *kind == Kind::Any)
    };
    let names = || format!("{} and {}", left.name(), right.name());
    match operator {
        Operator::Equal | Operator::NotEqual => {
            let null = left == Kind::Null || right == Kind::Null;
            (!any && !null && left != right).then(|| format!("{} can never be equal", names()))
        }
        Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast => {
            let ordered = both(Kind::Number) || both(Kind::Text) || both(Kind::Bool);
            (!ordered).then(|| format!("{} have no order", names()))
        }
        Operator::Add => {
            let sound = both(Kind::Number) || both(Kind::Text) || both(Kind::List);
            (!sound).then(|| format!("{} cannot be added", names()))
        }
        Operator::In => {
            let sound = matches!(right, Kind::List | Kind::Map | Kind::Any);
            (!sound).then(|| {
                format!(
                    "`in` needs a list or a map on the right, not {}",
                    right.name()
                )
            })
        }
        _ => (!both(Kind::Number)).then(|| format!("arithmetic needs numbers, found {}", names())),
    }
}
