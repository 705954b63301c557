//! What the bundle may say, declared once: the reader takes only keys that are declared here, and the JSON Schema is made
//! from the same declarations, so the two cannot drift apart. A test reads a bundle that uses every key and compares.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use greentic_diagnostics::{Node, Report, Span, Spanned, Table, suggest};
use greentic_types::Id;

use crate::limits::{Limit, Unit};

/// A table of the bundle.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its name in the schema's `$defs`.
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
}

/// One key of a table.
#[derive(Debug)]
pub(crate) struct Field {
    pub key: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub doc: &'static str,
}

/// What may stand under a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Texts,
    Id,
    Ids,
    Flag,
    Number,
    /// A time with its unit.
    Time,
    /// A limit of the table in `limits.rs`.
    Limit(&'static Limit),
    Socket,
    Word(&'static [&'static str]),
    /// Exactly this number.
    Exactly(u64),
    /// Anything.
    Any,
    Table(&'static Shape),
    /// Names the operator chose, each with a table.
    Named(&'static Shape),
    /// A list of tables.
    Tables(&'static Shape),
}

pub(crate) const fn field(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        key,
        kind,
        required: false,
        doc,
    }
}

pub(crate) const fn required(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        key,
        kind,
        required: true,
        doc,
    }
}

/// What readers of every table share.
pub(crate) struct Context<'a> {
    pub report: &'a Report,
    pub base_dir: &'a Path,
    /// The names under `plugins` and `packs`, valid or not, so that one fault is not reported as two.
    pub plugins: BTreeSet<String>,
    pub packs: BTreeSet<String>,
    /// Places whose variable has no value; that was reported already.
    pub unresolved: BTreeSet<Span>,
    /// What the reader asked for, as `shape.key`, and what it asked for wrongly.
    #[cfg(test)]
    pub asked: std::cell::RefCell<BTreeSet<String>>,
    #[cfg(test)]
    pub undeclared: std::cell::RefCell<BTreeSet<String>>,
}

impl Context<'_> {
    pub fn error(
        &self,
        span: Span,
        code: &'static str,
        message: impl Into<String>,
    ) -> greentic_diagnostics::Note<'_> {
        self.report.error(span, code, message)
    }

    /// An identifier, or a report of the rule it breaks.
    pub fn id(&self, text: &Spanned<String>) -> Option<Spanned<Id>> {
        match Id::new(&text.value) {
            Ok(id) => Some(Spanned::new(id, text.span)),
            Err(fault) => {
                self.error(text.span, "bad-id", fault.to_string()).help(
                    "use `a`-`z`, `0`-`9`, `_` and `-`; it becomes part of a subject, so no dots",
                );
                None
            }
        }
    }

    /// Reports a name that nothing carries.
    pub fn dangling(&self, span: Span, what: &str, name: &str, known: &BTreeSet<String>) {
        let message = format!("there is no {what} `{name}`");
        match suggest(name, known.iter().map(String::as_str)) {
            Some(near) => drop(self.error(
                span,
                "dangling",
                format!("{message}; did you mean `{near}`?"),
            )),
            None if known.is_empty() => {
                self.error(span, "dangling", message)
                    .help(format!("the bundle declares no {what} at all"));
            }
            None => {
                let list = known
                    .iter()
                    .map(|one| format!("`{one}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                self.error(span, "dangling", message)
                    .help(format!("the bundle has {list}"));
            }
        }
    }

    /// The name of a plugin that exists.
    pub fn plugin(&self, name: &Spanned<String>) -> Option<Spanned<Id>> {
        if !self.plugins.contains(&name.value) {
            self.dangling(name.span, "plugin", &name.value, &self.plugins);
            return None;
        }
        // A bad name was reported where it was declared.
        Id::new(&name.value)
            .ok()
            .map(|id| Spanned::new(id, name.span))
    }

    fn resolved<'n>(&self, node: &'n Node) -> Option<&'n Node> {
        (!self.unresolved.contains(&node.span)).then_some(node)
    }
}

/// Reads one table by its shape.
pub(crate) struct Fields<'n, 'c> {
    table: Table<'n, 'c>,
    shape: &'static Shape,
    pub ctx: &'c Context<'c>,
}

impl<'n, 'c> Fields<'n, 'c> {
    pub fn new(node: &'n Node, shape: &'static Shape, ctx: &'c Context<'c>) -> Option<Self> {
        let table = Table::new(ctx.resolved(node)?, ctx.report)?;
        for one in shape.fields {
            if one.required {
                table.required(one.key);
            } else {
                table.get(one.key);
            }
        }
        Some(Self { table, shape, ctx })
    }

    pub fn finish(self) {
        self.table.finish();
    }

    pub fn span(&self) -> Span {
        self.table.span()
    }

    /// The place of a key, or of the table when the key is not there.
    pub fn key_span(&self, key: &str) -> Span {
        self.table.key_span(key).unwrap_or(self.table.span())
    }

    /// The place of a key of an inner table, or the nearest place there is.
    pub fn inner_key_span(&self, table: &str, key: &str) -> Span {
        let inner = self
            .table
            .mapping()
            .get(table)
            .and_then(|entry| entry.node.as_mapping());
        inner
            .and_then(|mapping| mapping.get(key))
            .map_or_else(|| self.key_span(table), |entry| entry.key_span)
    }

    /// Whether a key's value stands in the file itself.
    pub fn literal(&self, key: &str) -> bool {
        let node = self.table.mapping().get(key).map(|entry| &entry.node);
        node.is_some_and(|node| {
            !matches!(node.written, greentic_diagnostics::yaml::Written::Filled(_))
        })
    }

    fn take(&self, key: &'static str, fits: impl Fn(&Kind) -> bool) -> Option<&'n Node> {
        let declared = self
            .shape
            .fields
            .iter()
            .any(|one| one.key == key && fits(&one.kind));
        #[cfg(test)]
        {
            let name = format!("{}.{key}", self.shape.name);
            if !declared {
                self.ctx.undeclared.borrow_mut().insert(name.clone());
            }
            self.ctx.asked.borrow_mut().insert(name);
        }
        let node = declared.then(|| self.table.get(key)).flatten()?;
        self.ctx.resolved(node)
    }

    pub fn text(&self, key: &'static str) -> Option<Spanned<String>> {
        self.take(key, |kind| matches!(kind, Kind::Text))?
            .expect_string(self.ctx.report)
    }

    /// Text that is not empty.
    pub fn filled(&self, key: &'static str) -> Option<Spanned<String>> {
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.ctx
                .error(text.span, "empty", format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    pub fn texts(&self, key: &'static str) -> Vec<Spanned<String>> {
        self.take(key, |kind| matches!(kind, Kind::Texts | Kind::Ids))
            .map(|node| self.strings_of(node))
            .unwrap_or_default()
    }

    fn strings_of(&self, node: &Node) -> Vec<Spanned<String>> {
        let items = node.expect_list(self.ctx.report).unwrap_or_default();
        let items = items
            .iter()
            .filter_map(|item| self.ctx.resolved(item)?.expect_string(self.ctx.report));
        let mut kept: Vec<Spanned<String>> = Vec::new();
        for item in items {
            match kept.iter().find(|one| one.value == item.value) {
                Some(first) => {
                    self.ctx
                        .error(
                            item.span,
                            "duplicate",
                            format!("`{}` stands in this list twice", item.value),
                        )
                        .also(first.span, "first here")
                        .help("remove one of the two");
                }
                None => kept.push(item),
            }
        }
        kept
    }

    /// The name of a plugin that exists.
    pub fn plugin(&self, key: &'static str) -> Option<Spanned<Id>> {
        let text = self
            .take(key, |kind| matches!(kind, Kind::Id))?
            .expect_string(self.ctx.report)?;
        self.ctx.plugin(&text)
    }

    /// Names of plugins that exist.
    pub fn plugins(&self, key: &'static str) -> Vec<Spanned<Id>> {
        self.texts(key)
            .iter()
            .filter_map(|text| self.ctx.plugin(text))
            .collect()
    }

    pub fn id(&self, key: &'static str) -> Option<Spanned<Id>> {
        let text = self
            .take(key, |kind| matches!(kind, Kind::Id))?
            .expect_string(self.ctx.report)?;
        self.ctx.id(&text)
    }

    pub fn flag(&self, key: &'static str) -> Option<Spanned<bool>> {
        self.take(key, |kind| matches!(kind, Kind::Flag))?
            .expect_bool(self.ctx.report)
    }

    pub fn word(&self, key: &'static str) -> Option<Spanned<&'static str>> {
        let words = self.shape.fields.iter().find_map(|one| match one.kind {
            Kind::Word(words) if one.key == key => Some(words),
            _ => None,
        });
        self.take(key, |kind| matches!(kind, Kind::Word(_)))?
            .expect_choice(self.ctx.report, words?)
    }

    pub fn number(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<f64>,
    ) -> Option<Spanned<f64>> {
        let number = self
            .take(key, |kind| matches!(kind, Kind::Number))?
            .expect_f64(self.ctx.report)?;
        if range.contains(&number.value) {
            return Some(number);
        }
        let message = format!(
            "`{key}` is {}, and must lie from {} to {}",
            number.value,
            range.start(),
            range.end()
        );
        self.ctx.error(number.span, "out-of-range", message);
        None
    }

    pub fn exactly(&self, key: &'static str, wanted: u64) -> Option<u64> {
        let number = self
            .take(key, |kind| matches!(kind, Kind::Exactly(_)))?
            .expect_u64(self.ctx.report)?;
        if number.value == wanted {
            return Some(wanted);
        }
        self.ctx
            .error(
                number.span,
                "unsupported",
                format!("`{key}: {}` is not supported", number.value),
            )
            .help(format!("write `{key}: {wanted}`"));
        None
    }

    pub fn socket(&self, key: &'static str) -> Option<Spanned<std::net::SocketAddr>> {
        let text = self
            .take(key, |kind| matches!(kind, Kind::Socket))?
            .expect_string(self.ctx.report)?;
        match text.value.parse() {
            Ok(address) => Some(Spanned::new(address, text.span)),
            Err(_) => {
                self.ctx
                    .error(
                        text.span,
                        "bad-address",
                        format!("`{key}` is not an address to listen on"),
                    )
                    .help(
                        "write an IP address and a port, such as `127.0.0.1:8080` or `[::]:8080`",
                    );
                None
            }
        }
    }

    /// A time between two bounds, both in it.
    pub fn time(
        &self,
        key: &'static str,
        least: Duration,
        most: Duration,
    ) -> Option<Spanned<Duration>> {
        let time = self
            .take(key, |kind| matches!(kind, Kind::Time))?
            .expect_duration(self.ctx.report)?;
        if (least..=most).contains(&time.value) {
            return Some(time);
        }
        let show = greentic_diagnostics::format_duration;
        let message = format!("`{key}` must lie from {} to {}", show(least), show(most));
        self.ctx.error(time.span, "out-of-range", message);
        None
    }

    /// A limit in its base unit; `ceiling` is what must not be exceeded.
    pub fn limit(&self, limit: &Limit, ceiling: Option<u64>) -> Option<u64> {
        let node = self.take(
            limit.key,
            |kind| matches!(kind, Kind::Limit(one) if one.key == limit.key),
        )?;
        let report = self.ctx.report;
        let value = match limit.unit {
            Unit::Time => node
                .expect_duration(report)?
                .map(|value| u64::try_from(value.as_millis()).unwrap_or(u64::MAX)),
            Unit::Size => node.expect_size(report)?,
            Unit::Count => node.expect_u64(report)?,
        };
        let show = |value| limit.unit.show(value);
        if value.value < limit.min || value.value > limit.max {
            let range = format!(
                "`{}` must lie from {} to {}",
                limit.key,
                show(limit.min),
                show(limit.max)
            );
            self.ctx
                .error(value.span, "out-of-range", range)
                .help(format!("the default is {}", show(limit.default)));
            return None;
        }
        if let Some(ceiling) = ceiling.filter(|ceiling| value.value > *ceiling) {
            self.ctx
                .error(
                    value.span,
                    "widens",
                    format!(
                        "a tenant cannot raise `{}` above the host's {}",
                        limit.key,
                        show(ceiling)
                    ),
                )
                .help("lower it here, or raise it under the bundle's own `limits`");
            return None;
        }
        Some(value.value)
    }

    pub fn any(&self, key: &'static str) -> Option<&'n Node> {
        self.take(key, |kind| matches!(kind, Kind::Any))
    }

    pub fn table(&self, key: &'static str) -> Option<Fields<'n, 'c>> {
        let shape = self.inner(key)?;
        Fields::new(
            self.take(key, |kind| matches!(kind, Kind::Table(_)))?,
            shape,
            self.ctx,
        )
    }

    /// Tables under names the operator chose; bad names are reported and left out.
    pub fn named(&self, key: &'static str) -> Vec<(Spanned<Id>, Fields<'n, 'c>)> {
        let read = || {
            let shape = self.inner(key)?;
            let node = self.take(key, |kind| matches!(kind, Kind::Named(_)))?;
            let mapping = node.expect_mapping(self.ctx.report)?;
            let entries = mapping.iter().filter_map(|(name, entry)| {
                let id = self.ctx.id(&Spanned::new(name.to_owned(), entry.key_span));
                let fields = Fields::new(&entry.node, shape, self.ctx);
                Some((id?, fields?))
            });
            Some(entries.collect())
        };
        read().unwrap_or_default()
    }

    pub fn tables(&self, key: &'static str) -> Vec<Fields<'n, 'c>> {
        let read = || {
            let shape = self.inner(key)?;
            let list = self
                .take(key, |kind| matches!(kind, Kind::Tables(_)))?
                .expect_list(self.ctx.report)?;
            Some(
                list.iter()
                    .filter_map(|node| Fields::new(node, shape, self.ctx))
                    .collect(),
            )
        };
        read().unwrap_or_default()
    }

    fn inner(&self, key: &str) -> Option<&'static Shape> {
        self.shape
            .fields
            .iter()
            .find(|one| one.key == key)
            .and_then(|one| match one.kind {
                Kind::Table(shape) | Kind::Named(shape) | Kind::Tables(shape) => Some(shape),
                _ => None,
            })
    }
}
