//! Runs conditions.
//!
//! An absent path is null. What CEL calls an error (comparing a text with a number, dividing by zero) makes the
//! condition fail with [`EvalError`]; the interpreter takes that as false and logs it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::number::{compare_numbers, from_f64, same, whole};
use super::{NULL, Scope, as_text};
use crate::ir::{Comparison, Condition, Expr, Fold, Function, Operator, PlainOperator};

/// Most loop steps one condition may take, over all its macros.
const MAX_FOLD_STEPS: u32 = 10_000;

/// Why a condition has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(String);

fn fail<T>(text: impl Into<String>) -> Result<T, EvalError> {
    Err(EvalError(text.into()))
}

/// Whether a condition holds.
///
/// # Errors
/// When a CEL expression has no value or one that is not true or false.
pub fn holds(condition: &Condition, scope: &Scope<'_>) -> Result<bool, EvalError> {
    match condition {
        Condition::Plain(comparison) => Ok(plain(comparison, scope)),
        Condition::Cel(expr) => {
            let mut run = Run {
                scope,
                locals: Vec::new(),
                steps: 0,
            };
            match run.eval(expr)?.as_ref() {
                Value::Bool(value) => Ok(*value),
                other => fail(format!(
                    "the condition yields {}, not true or false",
                    kind(other)
                )),
            }
        }
    }
}

fn plain(comparison: &Comparison, scope: &Scope<'_>) -> bool {
    let Some(value) = scope.find(&comparison.path) else {
        return false;
    };
    let number = || match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    let ordering = || number()?.partial_cmp(&comparison.number?);
    let equal = || {
        as_text(value).to_lowercase() == comparison.text
            || (value.is_number() && comparison.number.is_some() && number() == comparison.number)
    };
    match comparison.operator {
        PlainOperator::Equal => equal(),
        PlainOperator::NotEqual => !equal(),
        PlainOperator::AtLeast => ordering().is_some_and(Ordering::is_ge),
        PlainOperator::AtMost => ordering().is_some_and(Ordering::is_le),
        PlainOperator::More => ordering().is_some_and(Ordering::is_gt),
        PlainOperator::Less => ordering().is_some_and(Ordering::is_lt),
        PlainOperator::Contains => as_text(value).to_lowercase().contains(&comparison.text),
    }
}

type Outcome<'a> = Result<Cow<'a, Value>, EvalError>;

struct Run<'s, 'a> {
    scope: &'s Scope<'a>,
    locals: Vec<Value>,
    steps: u32,
}

fn owned<'a>(value: impl Into<Value>) -> Outcome<'a> {
    Ok(Cow::Owned(value.into()))
}

/// The JSON type of a value, as messages name it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

impl<'a> Run<'_, 'a> {
    fn eval(&mut self, expr: &'a Expr) -> Outcome<'a> {
        match expr {
            Expr::Literal(value) => Ok(Cow::Borrowed(value)),
            Expr::Path(path) => Ok(Cow::Borrowed(self.scope.find(path).unwrap_or(&NULL))),
            Expr::Local(index) => {
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                Ok(Cow::Owned(
                    self.locals.get(index).cloned().unwrap_or(Value::Null),
                ))
            }
            Expr::Field(of, name) => Ok(field(self.eval(of)?, name)),
            Expr::Index(of, at) => {
                let of = self.eval(of)?;
                let at = self.eval(at)?;
                index(of, &at)
            }
            Expr::Has(of) => {
                let there = !self.eval(of)?.is_null();
                owned(there)
            }
            Expr::Not(of) => {
                let value = self.truth(of)?;
                owned(!value)
            }
            Expr::Negate(of) => {
                let value = self.eval(of)?;
                if let Some(negated) = value.as_i64().and_then(i64::checked_neg) {
                    return owned(negated);
                }
                value
                    .as_f64()
                    .and_then(|number| from_f64(-number))
                    .map_or_else(|| fail("- needs a number"), owned)
            }
            Expr::And(left, right) => match self.truth(left) {
                Ok(false) => owned(false),
                Ok(true) => owned(self.truth(right)?),
                Err(error) => match self.truth(right) {
                    Ok(false) => owned(false),
                    _ => Err(error),
                },
            },
            Expr::Or(left, right) => match self.truth(left) {
                Ok(true) => owned(true),
                Ok(false) => owned(self.truth(right)?),
                Err(error) => match self.truth(right) {
                    Ok(true) => owned(true),
                    _ => Err(error),
                },
            },
            Expr::Choose(test, then, otherwise) => {
                if self.truth(test)? {
                    self.eval(then)
                } else {
                    self.eval(otherwise)
                }
            }
            Expr::Binary(operator, left, right) => {
                let left = self.eval(left)?;
                let right = self.eval(right)?;
                binary(*operator, left, &right)
            }
            Expr::Call(function, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.eval(argument)?);
                }
                call(*function, &values, self.scope.patterns)
            }
            Expr::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(self.eval(item)?.into_owned());
                }
                owned(list)
            }
            Expr::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = match self.eval(key)?.as_ref() {
                        Value::String(key) => key.clone(),
                        other => {
                            return fail(format!("a map's key is {}, not a text", kind(other)));
                        }
                    };
                    map.insert(key, self.eval(value)?.into_owned());
                }
                owned(map)
            }
            Expr::Fold(fold) => self.fold(fold),
        }
    }

    fn truth(&mut self, expr: &'a Expr) -> Result<bool, EvalError> {
        match self.eval(expr)?.as_ref() {
            Value::Bool(value) => Ok(*value),
            other => fail(format!("expected true or false, found {}", kind(other))),
        }
    }

    fn fold(&mut self, fold: &'a Fold) -> Outcome<'a> {
        let items: Vec<Value> = match self.eval(&fold.over)?.into_owned() {
            Value::Array(items) => items,
            Value::Object(map) => map.into_iter().map(|(key, _)| Value::String(key)).collect(),
            other => {
                return fail(format!(
                    "a macro needs a list or a map, found {}",
                    kind(&other)
                ));
            }
        };
        let depth = self.locals.len();
        let mut accumulator = self.eval(&fold.start)?.into_owned();
        self.locals.push(Value::Null);
        self.locals.push(Value::Null);
        let outcome = self.fold_items(fold, depth, items, &mut accumulator);
        self.locals.truncate(depth);
        outcome
    }

    fn fold_items(
        &mut self,
        fold: &'a Fold,
        depth: usize,
        items: Vec<Value>,
        accumulator: &mut Value,
    ) -> Outcome<'a> {
        for item in items {
            self.steps += 1;
            if self.steps > MAX_FOLD_STEPS {
                return fail(format!("more than {MAX_FOLD_STEPS} loop steps"));
            }
            self.set_locals(depth, item, std::mem::take(accumulator));
            if !self.truth(&fold.proceed)? {
                return Ok(Cow::Owned(self.eval(&fold.result)?.into_owned()));
            }
            *accumulator = self.eval(&fold.step)?.into_owned();
        }
        self.set_locals(depth, Value::Null, std::mem::take(accumulator));
        Ok(Cow::Owned(self.eval(&fold.result)?.into_owned()))
    }

    fn set_locals(&mut self, depth: usize, item: Value, accumulator: Value) {
        if let Some(place) = self.locals.get_mut(depth) {
            *place = item;
        }
        if let Some(place) = self.locals.get_mut(depth + 1) {
            *place = accumulator;
        }
    }
}

fn field<'a>(of: Cow<'a, Value>, name: &str) -> Cow<'a, Value> {
    match of {
        Cow::Borrowed(value) => Cow::Borrowed(value.get(name).unwrap_or(&NULL)),
        Cow::Owned(mut value) => {
            Cow::Owned(value.get_mut(name).map(Value::take).unwrap_or_default())
        }
    }
}

fn index<'a>(of: Cow<'a, Value>, at: &Value) -> Outcome<'a> {
    match (of.as_ref(), at) {
        (Value::Object(_), Value::String(key)) => Ok(field(of, key)),
        (Value::Array(list), Value::Number(_)) => {
            let found = at
                .as_u64()
                .and_then(|at| usize::try_from(at).ok())
                .and_then(|at| list.get(at));
            owned(found.cloned().unwrap_or_default())
        }
        (Value::Null, _) => owned(Value::Null),
        (of, at) => fail(format!("{} cannot be indexed by {}", kind(of), kind(at))),
    }
}

fn binary<'a>(operator: Operator, left: Cow<'a, Value>, right: &Value) -> Outcome<'a> {
    let order = |accept: fn(Ordering) -> bool| match (left.as_ref(), right) {
        (Value::String(a), Value::String(b)) => owned(accept(a.cmp(b))),
        (Value::Bool(a), Value::Bool(b)) => owned(accept(a.cmp(b))),
        (a, b) => match compare_numbers(a, b) {
            Some(ordering) => owned(accept(ordering)),
            None => fail(format!("{} and {} have no order", kind(a), kind(b))),
        },
    };
    match operator {
        Operator::Equal => owned(same(&left, right)),
        Operator::NotEqual => owned(!same(&left, right)),
        Operator::Less => order(Ordering::is_lt),
        Operator::AtMost => order(Ordering::is_le),
        Operator::More => order(Ordering::is_gt),
        Operator::AtLeast => order(Ordering::is_ge),
        Operator::In => match right {
            Value::Array(list) => owned(list.iter().any(|item| same(&left, item))),
            Value::Object(map) => owned(left.as_str().is_some_and(|key| map.contains_key(key))),
            Value::Null => owned(false),
            other => fail(format!("in needs a list or a map, found {}", kind(other))),
        },
        Operator::Add => match (left.as_ref(), right) {
            (Value::String(a), Value::String(b)) => owned(format!("{a}{b}")),
            (Value::Array(_), Value::Array(b)) => {
                let Value::Array(mut list) = left.into_owned() else {
                    return fail("not a list");
                };
                list.extend(b.iter().cloned());
                owned(list)
            }
            (a, b) => arithmetic(operator, a, b),
        },
        Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
            arithmetic(operator, &left, right)
        }
    }
}

fn arithmetic<'a>(operator: Operator, left: &Value, right: &Value) -> Outcome<'a> {
    if let (Some(a), Some(b)) = (left.as_i64(), right.as_i64()) {
        let value = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::Divide => a.checked_div(b),
            _ => a.checked_rem(b),
        };
        return value.map_or_else(
            || fail("the whole number overflows or is divided by zero"),
            owned,
        );
    }
    let (Some(a), Some(b)) = (left.as_f64(), right.as_f64()) else {
        return fail(format!("arithmetic on {} and {}", kind(left), kind(right)));
    };
    let value = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => return fail("% needs whole numbers"),
    };
    from_f64(value).map_or_else(|| fail("the result is not a finite number"), owned)
}

fn call<'a>(
    function: Function,
    arguments: &[Cow<'a, Value>],
    patterns: Option<&HashMap<String, Regex>>,
) -> Outcome<'a> {
    let first = arguments.first().map_or(&NULL, Cow::as_ref);
    let texts = || match (first, arguments.get(1).map(Cow::as_ref)) {
        (Value::String(a), Some(Value::String(b))) => Some((a.as_str(), b.as_str())),
        _ => None,
    };
    // An absent text contains nothing; anything else that is not a text is a mistake worth a line in the log.
    let test = |check: fn(&str, &str) -> bool| match texts() {
        Some((a, b)) => owned(check(a, b)),
        None if first.is_null() => owned(false),
        None => fail(format!("a text function got {}", kind(first))),
    };
    let text = |change: fn(&str) -> String| match first {
        Value::String(text) => owned(change(text)),
        other => fail(format!("a text function got {}", kind(other))),
    };
    match function {
        Function::Size => match first {
            Value::String(text) => owned(text.chars().count()),
            Value::Array(list) => owned(list.len()),
            Value::Object(map) => owned(map.len()),
            Value::Null => owned(0),
            other => fail(format!("size of {}", kind(other))),
        },
        Function::Contains => match (first, arguments.get(1)) {
            (Value::Array(list), Some(item)) => owned(list.iter().any(|known| same(known, item))),
            _ => test(|a, b| a.contains(b)),
        },
        Function::StartsWith => test(|a, b| a.starts_with(b)),
        Function::EndsWith => test(|a, b| a.ends_with(b)),
        Function::Matches => match texts() {
            Some((text, pattern)) => match patterns.and_then(|patterns| patterns.get(pattern)) {
                Some(regex) => owned(regex.is_match(text)),
                // The loader accepts only literal patterns, and the program compiles those.
                None => fail("the pattern was not compiled at load"),
            },
            None => test(|_, _| false),
        },
        Function::Int => int(first),
        Function::Double => match first {
            Value::String(text) => text.trim().parse().ok().and_then(from_f64),
            other => other.as_f64().and_then(from_f64),
        }
        .map_or_else(|| fail(format!("double of {}", kind(first))), owned),
        Function::Text => owned(as_text(first).into_owned()),
        Function::Bool => match first {
            Value::Bool(value) => owned(*value),
            Value::String(text) if text.eq_ignore_ascii_case("true") => owned(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => owned(false),
            other => fail(format!("bool of {}", kind(other))),
        },
        Function::Lower => text(str::to_ascii_lowercase),
        Function::Upper => text(str::to_ascii_uppercase),
        Function::Trim => text(|text| text.trim().to_owned()),
    }
}

fn int<'a>(value: &Value) -> Outcome<'a> {
    let number = match value {
        Value::String(text) => text.trim().parse::<i64>().ok(),
        other => other.as_i64().or_else(|| other.as_f64().and_then(whole)),
    };
    number.map_or_else(|| fail(format!("int of {}", kind(value))), owned)
}
