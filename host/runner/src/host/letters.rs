//! What an operator can do with dead letters.

use std::sync::Arc;

use greentic_sandbox::worlds::bus_types::Message;
use greentic_types::Id;
use serde::Serialize;

use super::Host;
use crate::backends::Backends;
use crate::dead_letter::{DeadLetter, DeadLetterError, Stage};

/// What a replay did.
#[derive(Debug, Clone, Serialize)]
pub struct Replayed {
    /// The letter.
    pub id: String,
    /// The subject it was published on again.
    pub subject: String,
}

impl Host {
    /// Dead letters of a tenant, or of all, oldest first; at most as many of a tenant as are kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_letters(
        &self,
        tenant: Option<&Id>,
    ) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let mut letters = Vec::new();
        let generation = self.generation();
        let mut seen: Vec<&Id> = Vec::new();
        for (place, team) in generation.teams() {
            if tenant.is_some_and(|tenant| *tenant != place.tenant_id)
                || seen.contains(&&place.tenant_id)
            {
                continue;
            }
            seen.push(&place.tenant_id);
            letters.extend(
                team.backends
                    .letters
                    .all(&place.tenant_id, generation.limits.dead_letters.kept)
                    .await?,
            );
        }
        letters.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(letters)
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`DeadLetterError`]
    pub async fn dead_letter(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        Ok(self.find(id).await?.2)
    }

    /// Forgets a dead letter.
    ///
    /// # Errors
    /// [`DeadLetterError`]
    pub async fn drop_letter(&self, id: &str) -> Result<(), DeadLetterError> {
        let (backends, tenant, _) = self.find(id).await?;
        backends.letters.drop_letter(&tenant, id).await
    }

    /// Publishes a dead letter again as if for the first time, and forgets it when that is confirmed.
    ///
    /// # Errors
    /// [`DeadLetterError`]; a letter of stage `ingress` holds a raw body and cannot be replayed.
    pub async fn replay(&self, id: &str) -> Result<Replayed, DeadLetterError> {
        let (backends, tenant, letter) = self.find(id).await?;
        if letter.stage == Stage::Ingress {
            return Err(DeadLetterError::NotReplayable(id.to_owned()));
        }
        // A new id: the old one was published already and would be taken for a duplicate.
        let message = Message {
            subject: letter.subject.clone(),
            id: format!("{}-replay-{}", letter.message_id, crate::clock::now_ms()),
            key: letter.key,
            trace: letter.trace,
            payload: letter.payload,
        };
        // A turn that failed left its event marked as handled; a replay is the operator's word that it is not.
        if letter.stage == Stage::Turn {
            self.generation().unmark(&backends, &message).await;
        }
        backends
            .bus
            .publish(vec![message])
            .await
            .map_err(|error| DeadLetterError::Bus(error.to_string()))?;
        backends.letters.drop_letter(&tenant, id).await?;
        Ok(Replayed {
            id: id.to_owned(),
            subject: letter.subject,
        })
    }

    async fn find(&self, id: &str) -> Result<(Arc<Backends>, Id, DeadLetter), DeadLetterError> {
        let generation = self.generation();
        for (place, team) in generation.teams() {
            match team.backends.letters.get(&place.tenant_id, id).await {
                Ok(letter) => {
                    return Ok((Arc::clone(&team.backends), place.tenant_id.clone(), letter));
                }
                Err(DeadLetterError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DeadLetterError::NotFound(id.to_owned()))
    }
}
