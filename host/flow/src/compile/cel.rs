//! Lowers CEL text to the expression tree.
//!
//! The `cel` crate parses and expands the macros. It does not evaluate: its values are its own, and the guest would
//! carry its grammar engine for conditions that are known at load. `in.text` is read as `entry.text` although `in` is
//! an operator of CEL: the word directly before a dot can be nothing else.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr as Ast, IdedExpr, LiteralValue, SourceInfo,
    operators,
};
use cel::parser::Parser;
use greentic_diagnostics::{Span, suggest};
use serde_json::{Number, Value};

use super::kind::{Kind, clash, kind};
use super::names::{Names, Place};
use crate::ir::{Expr, Fold, Function, Operator};

/// Longest condition, in bytes; the grammar engine is slow and a condition this long is a program.
const MAX_LENGTH: usize = 2000;

/// Stands for `in` where it is a root; of the same length, so that places stay right.
const IN_ROOT: &str = "In";

/// Compiles CEL text; reports and gives `None` when it is wrong.
pub fn compile(text: &str, span: Span, place: Place, names: &Names<'_>) -> Option<Expr> {
    if text.len() > MAX_LENGTH {
        let message = format!("the condition is longer than {MAX_LENGTH} bytes");
        names
            .report
            .error(span, "bad-condition", message)
            .help("compute it in a component");
        return None;
    }
    let readable = with_in_root(text);
    let (ast, info) = match Parser::new().parse_with_source_info(&readable) {
        Ok(parsed) => parsed,
        Err(errors) => {
            let first = errors.errors.first();
            let at = first.and_then(|error| offset(text, error.pos.0, error.pos.1));
            let place = at.map_or(span, |at| at_offset(names, span, text, at));
            let reason = first.map_or_else(String::new, |error| tidy(&error.msg));
            names
                .report
                .error(place, "bad-condition", format!("the condition cannot be read: {reason}"))
                .help("conditions are `path == \"value\"` or CEL, such as `response.ok && size(vars.items) > 2`");
            return None;
        }
    };
    let mut lower = Lower {
        text,
        span,
        place,
        names,
        info: &info,
        locals: Vec::new(),
    };
    let expr = lower.lower(&ast)?;
    if !matches!(kind(&expr), Kind::Bool | Kind::Any) {
        let message = format!(
            "the condition yields {}, not true or false",
            kind(&expr).name()
        );
        names.report.error(span, "bad-condition", message);
        return None;
    }
    Some(expr)
}

fn tidy(message: &str) -> String {
    let message = message.split(" expecting").next().unwrap_or_default();
    let message = message
        .replace("Syntax error: ", "")
        .replace("'<EOF>'", "end of the text")
        .replace(IN_ROOT, "in");
    [
        "mismatched input",
        "extraneous input",
        "no viable alternative at input",
    ]
    .iter()
    .fold(message, |message, words| {
        message.replace(words, "unexpected")
    })
}

/// The byte at a line and column as the parser counts them: lines from 1, columns from 0 or 1 in characters.
fn offset(text: &str, line: isize, column: isize) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.saturating_sub(1);
    let mut start = 0;
    for (number, piece) in text.split_inclusive('\n').enumerate() {
        if number == line {
            let within = piece
                .char_indices()
                .nth(column)
                .map_or(piece.trim_end().len(), |(at, _)| at);
            return Some(start + within);
        }
        start += piece.len();
    }
    None
}

fn at_offset(names: &Names<'_>, span: Span, text: &str, at: usize) -> Span {
    let end = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(at, |c| at + c.len_utf8());
    names.report.source().span_within(span, text, at..end)
}

/// Replaces `in` before a dot, outside quotes.
fn with_in_root(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote: Option<char> = None;
    let mut before = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word_start = !(before.is_alphanumeric() || matches!(before, '_' | '.'));
        if quote.is_none() && word_start && rest.starts_with("in.") {
            out.push_str(IN_ROOT);
            rest = rest.get(2..).unwrap_or_default();
            before = 'n';
            continue;
        }
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        out.push(c);
        before = c;
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

struct Lower<'a, 'n> {
    text: &'a str,
    span: Span,
    place: Place,
    names: &'a Names<'n>,
    info: &'a SourceInfo,
    locals: Vec<String>,
}

impl Lower<'_, '_> {
    fn at(&self, id: u64) -> Span {
        let found = self
            .info
            .offset_for(id)
            .and_then(|(start, _)| usize::try_from(start).ok());
        let byte = found
            .and_then(|start| self.text.char_indices().nth(start))
            .map(|(at, _)| at);
        byte.map_or(self.span, |at| {
            at_offset(self.names, self.span, self.text, at)
        })
    }

    fn refuse<T>(&self, id: u64, message: impl Into<String>) -> Option<T> {
        self.names
            .report
            .error(self.at(id), "bad-condition", message);
        None
    }

    fn lower(&mut self, ast: &IdedExpr) -> Option<Expr> {
        match &ast.expr {
            Ast::Literal(literal) => self.literal(ast.id, literal),
            Ast::Ident(_) | Ast::Select(_) => self.path(ast),
            Ast::Call(call) => self.call(ast.id, call),
            Ast::List(list) if list.optional_indices.is_empty() => Some(Expr::List(
                list.elements
                    .iter()
                    .map(|item| self.lower(item))
                    .collect::<Option<_>>()?,
            )),
            Ast::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return self.refuse(ast.id, "only plain entries may stand in a map");
                    };
                    entries.push((self.lower(&entry.key)?, self.lower(&entry.value)?));
                }
                Some(Expr::Map(entries))
            }
            Ast::Comprehension(fold) => self.fold(ast.id, fold),
            Ast::Struct(_) | Ast::List(_) | Ast::Unspecified => {
                self.refuse(ast.id, "this form of CEL is not offered")
            }
        }
    }

    fn literal(&self, id: u64, literal: &LiteralValue) -> Option<Expr> {
        Some(Expr::Literal(match literal {
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Double(value) => Value::Number(Number::from_f64(*value.inner())?),
            LiteralValue::Int(value) => (*value.inner()).into(),
            LiteralValue::UInt(value) => (*value.inner()).into(),
            LiteralValue::Null => Value::Null,
            LiteralValue::String(value) => value.inner().into(),
            LiteralValue::Bytes(_) => return self.refuse(id, "byte texts are not offered"),
        }))
    }

    /// Names and fields: as one path where they start at a root, else a field of an expression.
    fn path(&mut self, ast: &IdedExpr) -> Option<Expr> {
        let mut steps: Vec<String> = Vec::new();
        let mut at = ast;
        let mut has = false;
        loop {
            match &at.expr {
                Ast::Select(select) => {
                    has |= select.test;
                    steps.push(select.field.clone());
                    at = &select.operand;
                }
                Ast::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice()
                {
                    [
                        of,
                        IdedExpr {
                            expr: Ast::Literal(LiteralValue::String(key)),
                            ..
                        },
                    ] => {
                        steps.push(key.inner().to_owned());
                        at = of;
                    }
                    _ => break,
                },
                _ => break,
            }
        }
        let value = match &at.expr {
            Ast::Ident(name) => {
                if let Some(local) = self.locals.iter().rposition(|local| local == name) {
                    fields(Expr::Local(u32::try_from(local).ok()?), steps)
                } else {
                    steps.push(if name == IN_ROOT {
                        "in".to_owned()
                    } else {
                        name.clone()
                    });
                    steps.reverse();
                    Expr::Path(self.names.resolve(&steps, self.place, self.at(at.id))?)
                }
            }
            _ => fields(self.lower(at)?, steps),
        };
        Some(if has {
            Expr::Has(Box::new(value))
        } else {
            value
        })
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Option<Expr> {
        let name = call.func_name.as_str();
        if name == operators::INDEX
            && let [
                _,
                IdedExpr {
                    expr: Ast::Literal(LiteralValue::String(_)),
                    ..
                },
            ] = call.args.as_slice()
        {
            let whole = IdedExpr {
                id,
                expr: Ast::Call(call.clone()),
            };
            return self.path(&whole);
        }
        let written = call.target.as_deref().into_iter().chain(&call.args);
        let arguments: Vec<Expr> = written
            .map(|argument| self.lower(argument))
            .collect::<Option<_>>()?;
        match <[Expr; 1]>::try_from(arguments) {
            Ok([of]) => self.unary(id, name, of, call.target.is_some()),
            Err(arguments) => match <[Expr; 2]>::try_from(arguments) {
                Ok([left, right]) => self.binary(id, name, left, right, call.target.is_some()),
                Err(arguments) => match <[Expr; 3]>::try_from(arguments) {
                    Ok([test, then, otherwise]) if name == operators::CONDITIONAL => {
                        self.want(id, &test, Kind::Bool)?;
                        Some(Expr::Choose(
                            Box::new(test),
                            Box::new(then),
                            Box::new(otherwise),
                        ))
                    }
                    Ok(arguments) => {
                        self.function(id, name, call.target.is_some(), arguments.into())
                    }
                    Err(arguments) => self.function(id, name, call.target.is_some(), arguments),
                },
            },
        }
    }

    fn unary(&self, id: u64, name: &str, of: Expr, member: bool) -> Option<Expr> {
        match name {
            operators::LOGICAL_NOT => {
                self.want(id, &of, Kind::Bool)?;
                Some(Expr::Not(Box::new(of)))
            }
            operators::NEGATE => {
                self.want(id, &of, Kind::Number)?;
                Some(Expr::Negate(Box::new(of)))
            }
            operators::NOT_STRICTLY_FALSE => Some(of),
            _ => self.function(id, name, member, vec![of]),
        }
    }

    fn binary(&self, id: u64, name: &str, left: Expr, right: Expr, member: bool) -> Option<Expr> {
        if let Some((_, operator)) = BINARY.iter().find(|(known, _)| *known == name) {
            if let Some(fault) = clash(*operator, kind(&left), kind(&right)) {
                return self.refuse(id, fault);
            }
            return Some(Expr::Binary(*operator, Box::new(left), Box::new(right)));
        }
        match name {
            operators::INDEX => Some(Expr::Index(Box::new(left), Box::new(right))),
            operators::LOGICAL_AND | operators::LOGICAL_OR => {
                self.want(id, &left, Kind::Bool)?;
                self.want(id, &right, Kind::Bool)?;
                let (left, right) = (Box::new(left), Box::new(right));
                Some(if name == operators::LOGICAL_AND {
                    Expr::And(left, right)
                } else {
                    Expr::Or(left, right)
                })
            }
            _ => self.function(id, name, member, vec![left, right]),
        }
    }

    fn function(&self, id: u64, name: &str, member: bool, arguments: Vec<Expr>) -> Option<Expr> {
        let found = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        let Some((_, function, count, as_member)) = found else {
            let names = FUNCTIONS.iter().map(|(name, ..)| *name);
            let near = suggest(name, names.clone()).map_or_else(
                || format!("; there are {}", names.collect::<Vec<_>>().join(", ")),
                |near| format!("; did you mean `{near}`?"),
            );
            return self.refuse(id, format!("there is no function `{name}`{near}"));
        };
        if arguments.len() != *count || (member && !as_member) {
            let form = if *as_member && *count == 2 {
                format!("x.{name}(y)")
            } else {
                format!("{name}(x)")
            };
            return self.refuse(id, format!("`{name}` is written `{form}`"));
        }
        if *function == Function::Matches {
            match arguments.get(1) {
                Some(Expr::Literal(Value::String(pattern))) => {
                    if let Err(error) = regex_lite::Regex::new(pattern) {
                        return self.refuse(id, format!("the pattern is wrong: {error}"));
                    }
                }
                _ => return self.refuse(id, "the pattern of `matches` must be a literal text"),
            }
        }
        Some(Expr::Call(*function, arguments))
    }

    fn fold(&mut self, id: u64, fold: &ComprehensionExpr) -> Option<Expr> {
        if fold.iter_var2.is_some() {
            return self.refuse(id, "macros with two variables are not offered");
        }
        let over = self.lower(&fold.iter_range)?;
        if matches!(kind(&over), Kind::Bool | Kind::Number | Kind::Text) {
            return self.refuse(
                id,
                format!("a macro needs a list or a map, not {}", kind(&over).name()),
            );
        }
        let start = self.lower(&fold.accu_init)?;
        self.locals.push(fold.iter_var.clone());
        self.locals.push(fold.accu_var.clone());
        let inner = (|| {
            Some((
                self.lower(&fold.loop_cond)?,
                self.lower(&fold.loop_step)?,
                self.lower(&fold.result)?,
            ))
        })();
        self.locals.truncate(self.locals.len().saturating_sub(2));
        let (proceed, step, result) = inner?;
        Some(Expr::Fold(Box::new(Fold {
            over,
            start,
            proceed,
            step,
            result,
        })))
    }

    fn want(&self, id: u64, expr: &Expr, wanted: Kind) -> Option<()> {
        let found = kind(expr);
        if found == wanted || found == Kind::Any {
            return Some(());
        }
        self.refuse(
            id,
            format!("expected {}, found {}", wanted.name(), found.name()),
        )
    }
}

fn fields(mut value: Expr, steps: Vec<String>) -> Expr {
    for step in steps.into_iter().rev() {
        value = Expr::Field(Box::new(value), step);
    }
    value
}

/// Operators on two values, by the parser's names.
const BINARY: [(&str, Operator); 12] = [
    (operators::EQUALS, Operator::Equal),
    (operators::NOT_EQUALS, Operator::NotEqual),
    (operators::LESS, Operator::Less),
    (operators::LESS_EQUALS, Operator::AtMost),
    (operators::GREATER, Operator::More),
    (operators::GREATER_EQUALS, Operator::AtLeast),
    (operators::ADD, Operator::Add),
    (operators::SUBSTRACT, Operator::Subtract),
    (operators::MULTIPLY, Operator::Multiply),
    (operators::DIVIDE, Operator::Divide),
    (operators::MODULO, Operator::Remainder),
    (operators::IN, Operator::In),
];

/// Name, function, arguments with the receiver, and whether it may have a receiver.
const FUNCTIONS: [(&str, Function, usize, bool); 12] = [
    ("size", Function::Size, 1, true),
    ("contains", Function::Contains, 2, true),
    ("startsWith", Function::StartsWith, 2, true),
    ("endsWith", Function::EndsWith, 2, true),
    ("matches", Function::Matches, 2, true),
    ("int", Function::Int, 1, false),
    ("double", Function::Double, 1, false),
    ("string", Function::Text, 1, false),
    ("bool", Function::Bool, 1, false),
    ("lowerAscii", Function::Lower, 1, true),
    ("upperAscii", Function::Upper, 1, true),
    ("trim", Function::Trim, 1, true),
];
