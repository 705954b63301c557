//! Lowers payloads: YAML in, JSON with templates out.
//!
//! The `handlebars` crate parses the texts, which gives its exact meaning to blocks, comments and `~`; paths are checked
//! here, against what the flow can know at load.

use greentic_diagnostics::{Node, Span, Value as Yaml, suggest};
use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{Path as HbPath, PathSeg};
use serde_json::Value;

use super::names::{Names, Place};
use crate::ir::{BlockPart, Helper, Part, Path, Payload, Root, Term};

/// Longest template text, in bytes.
const MAX_LENGTH: usize = 64 * 1024;
/// Deepest nesting of blocks.
const MAX_BLOCKS: usize = 16;

/// Lowers a payload. What is wrong is reported, and stands as a literal so that the rest can be checked too.
pub fn payload(node: &Node, names: &Names<'_>) -> Payload {
    match &node.value {
        Yaml::String(text) if text.contains("{{") => text_payload(text, node.span, names),
        Yaml::Sequence(items) => {
            let items: Vec<Payload> = items.iter().map(|item| payload(item, names)).collect();
            if items.iter().all(is_literal) {
                Payload::Literal(node.to_json())
            } else {
                Payload::List(items)
            }
        }
        Yaml::Mapping(mapping) => {
            let mut fields = Vec::with_capacity(mapping.len());
            for (name, entry) in mapping.iter() {
                if name.contains("{{") {
                    names.report.error(
                        entry.key_span,
                        "bad-template",
                        "a key cannot be a template",
                    );
                }
                fields.push((name.to_owned(), payload(&entry.node, names)));
            }
            if fields.iter().all(|(_, value)| is_literal(value)) {
                Payload::Literal(node.to_json())
            } else {
                Payload::Object(fields)
            }
        }
        _ => Payload::Literal(node.to_json()),
    }
}

fn is_literal(payload: &Payload) -> bool {
    matches!(payload, Payload::Literal(_))
}

fn text_payload(text: &str, span: Span, names: &Names<'_>) -> Payload {
    let broken = || Payload::Literal(Value::String(text.to_owned()));
    if text.len() > MAX_LENGTH {
        names.report.error(
            span,
            "bad-template",
            format!("the template is longer than {MAX_LENGTH} bytes"),
        );
        return broken();
    }
    let template = match Template::compile(text) {
        Ok(template) => template,
        Err(error) => {
            let at = error
                .pos()
                .and_then(|(line, column)| offset(text, line, column));
            let place = at.map_or(span, |at| within(names, span, text, at));
            let reason = match error.reason() {
                // The grammar's own words name its rules, which tell an author nothing.
                handlebars::TemplateErrorReason::InvalidSyntax(_) => {
                    "something between `{{` and `}}` is not understood, or not closed".to_owned()
                }
                other => other.to_string(),
            };
            names
                .report
                .error(place, "bad-template", format!("the template cannot be read: {reason}"))
                .help("a template is text with `{{path}}`, `{{#if path}}…{{/if}}`, `{{#each path}}…{{/each}}`");
            return broken();
        }
    };
    let mut lower = Lower {
        text,
        span,
        names,
        blocks: Vec::new(),
        at: span,
    };
    if let [TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper)] =
        template.elements.as_slice()
    {
        return lower.expression(helper).map_or_else(broken, Payload::Value);
    }
    let Some(parts) = lower.parts(&template) else {
        return broken();
    };
    let mut plain = String::new();
    for part in &parts {
        match part {
            Part::Text(piece) => plain.push_str(piece),
            _ => return Payload::Text(parts),
        }
    }
    Payload::Literal(Value::String(plain))
}

/// The byte at a line and column, both from 1, columns in characters.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let mut start = 0;
    for (number, piece) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let within = piece
                .char_indices()
                .nth(column.saturating_sub(1))
                .map_or(piece.trim_end().len(), |(at, _)| at);
            return Some(start + within);
        }
        start += piece.len();
    }
    None
}

fn within(names: &Names<'_>, span: Span, text: &str, at: usize) -> Span {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.find("}}").map_or(text.len(), |end| at + end + 2);
    names.report.source().span_within(span, text, at..end)
}

struct Block {
    item: Option<String>,
    key: Option<String>,
}

struct Lower<'a, 'n> {
    text: &'a str,
    span: Span,
    names: &'a Names<'n>,
    blocks: Vec<Block>,
    at: Span,
}

impl Lower<'_, '_> {
    fn refuse<T>(&self, message: impl Into<String>) -> Option<T> {
        self.names.report.error(self.at, "bad-template", message);
        None
    }

    fn parts(&mut self, template: &Template) -> Option<Vec<Part>> {
        let mut parts = Vec::with_capacity(template.elements.len());
        let mut sound = true;
        for (index, element) in template.elements.iter().enumerate() {
            if let Some(mapping) = template.mapping.get(index)
                && let Some(at) = offset(self.text, mapping.0, mapping.1)
            {
                self.at = within(self.names, self.span, self.text, at);
            }
            let part = match element {
                TemplateElement::RawString(text) => Some(Part::Text(text.clone())),
                TemplateElement::Comment(_) => continue,
                TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                    self.expression(helper).map(Part::Show)
                }
                TemplateElement::HelperBlock(helper) => self.block(helper),
                _ => self.refuse("partials and decorators are not offered"),
            };
            match part {
                Some(part) => parts.push(part),
                None => sound = false,
            }
        }
        sound.then_some(parts)
    }

    fn inner(&mut self, template: Option<&Template>) -> Option<Vec<Part>> {
        template.map_or_else(|| Some(Vec::new()), |template| self.parts(template))
    }

    fn expression(&mut self, helper: &HelperTemplate) -> Option<Term> {
        if helper.params.is_empty() && helper.hash.is_empty() {
            return match &helper.name {
                Parameter::Name(name) => self.path(name, std::slice::from_ref(name), 0),
                other => self.term(other),
            };
        }
        let name = self.helper_name(helper)?;
        self.call(&name, helper)
    }

    fn helper_name(&self, helper: &HelperTemplate) -> Option<String> {
        match &helper.name {
            Parameter::Name(name) => Some(name.clone()),
            Parameter::Path(HbPath::Relative((_, raw))) => Some(raw.clone()),
            _ => self.refuse("a helper's name must be a word"),
        }
    }

    fn call(&mut self, name: &str, helper: &HelperTemplate) -> Option<Term> {
        let name = if name == "ifEq" { "eq" } else { name };
        let Some((_, function, least, most)) =
            Helper::TABLE.iter().find(|(known, ..)| *known == name)
        else {
            let known = Helper::TABLE.iter().map(|(known, ..)| *known);
            let near = suggest(name, known.clone()).map_or_else(
                || format!("; there are {}", known.collect::<Vec<_>>().join(", ")),
                |near| format!("; did you mean `{near}`?"),
            );
            return self.refuse(format!("there is no helper `{name}`{near}"));
        };
        if !helper.hash.is_empty() {
            return self.refuse(format!("`{name}` takes no named arguments"));
        }
        let count = helper.params.len();
        if count < *least || count > *most {
            let wanted = if least == most {
                least.to_string()
            } else {
                format!("{least} to {most}")
            };
            let plural = if *most == 1 { "" } else { "s" };
            return self.refuse(format!(
                "`{name}` takes {wanted} argument{plural}, found {count}"
            ));
        }
        let arguments = helper
            .params
            .iter()
            .map(|param| self.term(param))
            .collect::<Option<_>>()?;
        Some(Term::Call(*function, arguments))
    }

    fn term(&mut self, parameter: &Parameter) -> Option<Term> {
        match parameter {
            Parameter::Literal(value) => Some(Term::Literal(value.clone())),
            Parameter::Name(name) => self.path(name, std::slice::from_ref(name), 0),
            Parameter::Path(HbPath::Local((level, name, raw))) => self.local(*level, name, raw),
            Parameter::Path(HbPath::Relative((segments, raw))) => {
                let ups = raw.match_indices("../").count() + usize::from(raw.ends_with(".."));
                let steps: Vec<String> = segments
                    .iter()
                    .filter_map(|segment| match segment {
                        PathSeg::Named(name) => Some(
                            name.trim_start_matches('[')
                                .trim_end_matches(']')
                                .to_owned(),
                        ),
                        _ => None,
                    })
                    .collect();
                self.path(raw, &steps, ups)
            }
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                    self.expression(helper)
                }
                _ => self.refuse("this form of brackets is not offered"),
            },
            _ => self.refuse("this form of argument is not offered"),
        }
    }

    fn local(&self, level: usize, name: &str, raw: &str) -> Option<Term> {
        let part = match name {
            "index" => BlockPart::Index,
            "key" => BlockPart::Key,
            "first" => BlockPart::First,
            "last" => BlockPart::Last,
            _ => {
                return self.refuse(format!(
                    "there is no `{raw}`; there are @index, @key, @first, @last, @root"
                ));
            }
        };
        match self
            .blocks
            .len()
            .checked_sub(level + 1)
            .and_then(|block| u32::try_from(block).ok())
        {
            Some(block) => Some(Term::Block {
                block,
                part,
                steps: Vec::new(),
                fallback: None,
            }),
            None => self.refuse(format!("`{raw}` stands outside of a block")),
        }
    }

    fn path(&self, raw: &str, steps: &[String], ups: usize) -> Option<Term> {
        let from_root = raw.starts_with("@root");
        if ups == 0
            && !from_root
            && let Some((first, rest)) = steps.split_first()
        {
            for (index, block) in self.blocks.iter().enumerate().rev() {
                let part = match first {
                    name if block.item.as_ref() == Some(name) => BlockPart::Item,
                    name if block.key.as_ref() == Some(name) => BlockPart::Key,
                    _ => continue,
                };
                let block = u32::try_from(index).ok()?;
                return Some(Term::Block {
                    block,
                    part,
                    steps: rest.to_vec(),
                    fallback: None,
                });
            }
        }
        let Some(depth) = self.blocks.len().checked_sub(ups) else {
            return self.refuse(format!("`{raw}` leads out of the template"));
        };
        if depth == 0 || from_root {
            if steps.is_empty() {
                return self.refuse(format!(
                    "`{raw}` means something only inside of `each` and `with`"
                ));
            }
            return self
                .names
                .resolve(steps, Place::Template, self.at)
                .map(Term::Path);
        }
        let known = steps
            .first()
            .is_some_and(|first| first == "node" || first == "state" || is_root(first));
        let fallback: Option<Path> = match known && !raw.starts_with("this") {
            true => Some(self.names.resolve(steps, Place::Template, self.at)?),
            false => None,
        };
        let block = u32::try_from(depth - 1).ok()?;
        Some(Term::Block {
            block,
            part: BlockPart::Item,
            steps: steps.to_vec(),
            fallback,
        })
    }

    fn block(&mut self, helper: &HelperTemplate) -> Option<Part> {
        let name = self.helper_name(helper)?;
        let at = self.at;
        if self.blocks.len() >= MAX_BLOCKS {
            return self.refuse(format!("more than {MAX_BLOCKS} blocks in each other"));
        }
        match name.as_str() {
            "if" | "unless" => {
                let test = self.only_argument(&name, helper)?;
                let then = self.inner(helper.template.as_ref());
                self.at = at;
                let otherwise = self.inner(helper.inverse.as_ref());
                let (then, otherwise) = (then?, otherwise?);
                Some(if name == "if" {
                    Part::If {
                        test,
                        then,
                        otherwise,
                    }
                } else {
                    Part::If {
                        test,
                        then: otherwise,
                        otherwise: then,
                    }
                })
            }
            "each" | "with" => {
                let value = self.only_argument(&name, helper)?;
                let (item, key) = match &helper.block_param {
                    None => (None, None),
                    Some(handlebars::template::BlockParam::Single(item)) => (word(item), None),
                    Some(handlebars::template::BlockParam::Pair((item, key))) => {
                        (word(item), word(key))
                    }
                    Some(_) => return self.refuse("this form of names for a block is not offered"),
                };
                self.blocks.push(Block { item, key });
                let body = self.inner(helper.template.as_ref());
                self.blocks.pop();
                self.at = at;
                let otherwise = self.inner(helper.inverse.as_ref());
                let (body, otherwise) = (body?, otherwise?);
                Some(if name == "each" {
                    Part::Each {
                        over: value,
                        body,
                        otherwise,
                    }
                } else {
                    Part::With {
                        value,
                        body,
                        otherwise,
                    }
                })
            }
            _ => {
                let blocks = ["if", "unless", "each", "with", "ifEq"];
                if name != "ifEq" && Helper::named(&name).is_none() {
                    let near = suggest(&name, blocks).map_or_else(
                        || format!("; there are {}", blocks.join(", ")),
                        |near| format!("; did you mean `{near}`?"),
                    );
                    return self.refuse(format!("there is no block `{name}`{near}"));
                }
                let test = self.call(&name, helper)?;
                let then = self.inner(helper.template.as_ref());
                self.at = at;
                let otherwise = self.inner(helper.inverse.as_ref());
                Some(Part::If {
                    test,
                    then: then?,
                    otherwise: otherwise?,
                })
            }
        }
    }

    fn only_argument(&mut self, name: &str, helper: &HelperTemplate) -> Option<Term> {
        match helper.params.as_slice() {
            [only] if helper.hash.is_empty() => self.term(only),
            _ => self.refuse(format!("`{name}` takes one argument")),
        }
    }
}

fn is_root(name: &str) -> bool {
    Root::named(name).is_some_and(|root| !matches!(root, Root::Result | Root::Errors | Root::Event))
}

fn word(parameter: &Parameter) -> Option<String> {
    parameter.as_name().map(str::to_owned)
}
