//! Cards, which the platform does not have.

use greentic_sdk::model::Card;

use super::{Rendered, text};
use crate::settings::Settings;

/// A card as its fallback.
///
/// # Errors
/// When there is nothing to send in its place.
pub fn render(rendered: &mut Rendered, _: &Settings, card: &Card) -> Result<(), String> {
    text::push(rendered, &card.fallback);
    if rendered.parts.is_empty() {
        return Err("the card has no fallback".to_owned());
    }
    rendered.plain.clone_from(&card.fallback);
    rendered.downgrade("cards", "sent as its fallback text");
    Ok(())
}
