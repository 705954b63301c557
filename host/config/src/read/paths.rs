//! Paths and references: where packs come from, which folders are granted.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use greentic_diagnostics::Spanned;

use crate::model::Origin;
use crate::shape::{Context, Fields};

/// A path of the bundle, resolved against its folder. Absolute paths stay; `..` is refused, so that what a bundle touches
/// can be read off its text.
pub(crate) fn path(ctx: &Context<'_>, text: &Spanned<String>) -> Option<Spanned<PathBuf>> {
    let refuse = |message: &str, help: &str| {
        ctx.error(text.span, "bad-path", message).help(help);
        None
    };
    if text.value.trim().is_empty() {
        return refuse(
            "the path is empty",
            "name a file or a folder; `.` is the bundle's folder",
        );
    }
    if text.value.contains('\0') || text.value.contains('\\') {
        return refuse(
            "a path has neither backslashes nor NUL in it",
            "separate folders by `/`",
        );
    }
    let written = Path::new(&text.value);
    if written
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return refuse(
            "the path leaves the folder it starts in by `..`",
            "put it below the bundle's folder, or write the absolute path",
        );
    }
    let clean: PathBuf = written
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    Some(Spanned::new(ctx.base_dir.join(clean), text.span))
}

/// A folder to grant: a path that is not the whole disk.
pub(crate) fn folder(ctx: &Context<'_>, text: &Spanned<String>) -> Option<Spanned<PathBuf>> {
    let folder = path(ctx, text)?;
    if folder.value.parent().is_none() {
        ctx.error(text.span, "too-wide", "this would grant the whole disk")
            .help("name the folder that is needed");
        return None;
    }
    Some(folder)
}

/// What `watch` means, for a plugin and for a pack.
pub(crate) const WATCH: &str = "How often the registry is asked whether the tag of `from` has a new version, such as `30s`; a new one is taken over like an edit of the bundle. Default: never.";

/// The `watch` of something that comes from `from`.
pub(crate) fn watch(
    fields: &Fields<'_, '_>,
    from: Option<&Spanned<Origin>>,
) -> Option<Spanned<Duration>> {
    let watch = fields.time("watch", Duration::from_secs(1), Duration::from_secs(86_400))?;
    let (why, help) = match &from?.value {
        Origin::Oci(reference) if !reference.contains('@') => return Some(watch),
        Origin::Oci(_) => (
            "a digest never has another version",
            "name a tag instead of the digest, or take `watch` away",
        ),
        Origin::File(_) => (
            "files are watched by themselves",
            "take `watch` away; `limits.generation.watch` says how often files are looked at",
        ),
    };
    fields.ctx.error(watch.span, "watch", why).help(help);
    None
}

/// A file or an `oci://` reference.
pub(crate) fn origin(ctx: &Context<'_>, text: &Spanned<String>) -> Option<Spanned<Origin>> {
    if let Some(reference) = text.value.strip_prefix("oci://") {
        let Some((registry, repository)) = reference.split_once('/') else {
            ctx.error(
                text.span,
                "bad-reference",
                "the reference names no repository",
            )
            .help("write `oci://registry/repository:tag` or `oci://registry/repository@sha256:…`");
            return None;
        };
        let name = repository.split(['@', ':']).next().unwrap_or_default();
        let version = repository.get(name.len()..).unwrap_or_default();
        let digest_holds = version.split_once('@').is_none_or(|(_, digest)| {
            digest
                .strip_prefix("sha256:")
                .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        });
        let holds = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        let name_holds = name
            .split('/')
            .all(|part| holds(part) && part != "." && part != "..");
        if !holds(registry) || !name_holds || !digest_holds || version == ":" {
            ctx.error(text.span, "bad-reference", "this is not a reference to something in a registry")
                .help("write `oci://registry/repository:tag` or `oci://registry/repository@sha256:` and 64 hex digits");
            return None;
        }
        if version.is_empty() {
            ctx.error(text.span, "bad-reference", "the reference names no version")
                .help("add a tag such as `:1.4`, or a digest");
            return None;
        }
        return Some(Spanned::new(Origin::Oci(reference.to_owned()), text.span));
    }
    if let Some((scheme, _)) = text.value.split_once("://") {
        ctx.error(
            text.span,
            "bad-reference",
            format!("nothing can be loaded by `{scheme}://`"),
        )
        .help("write a path, or a reference with `oci://`");
        return None;
    }
    path(ctx, text).map(|path| path.map(Origin::File))
}
