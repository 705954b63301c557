//! Who makes a call, and how far that goes.

use crate::activity::User;
use crate::answer::{Refusal, check_origin};
use crate::bounds;
use crate::host::Host;
use crate::limits::{NAME_BYTES, STREAM_SECONDS, TOKEN_SECONDS};
use crate::settings::Settings;
use crate::token::{self, Claims, TokenError, Use};
use greentic_sdk::channel::Request;
use serde_json::{Map, Value};

/// Who proved to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A server that presented the shared secret: it speaks for its users in every conversation of the channel.
    Server,
    /// The bearer of a token: one user in one conversation.
    User(Claims),
}

/// The credentials of a request, or none where it brings none.
///
/// # Errors
/// 401 for a header that is not `Bearer …`, 403 for credentials that do not hold, also from the wrong origin.
pub fn present(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
) -> Result<Option<Caller>, Refusal> {
    let Some(header) = request.header("authorization") else {
        check_origin(request, settings, &[])?;
        return Ok(None);
    };
    let (scheme, credentials) = header.trim().split_once(' ').unwrap_or((header, ""));
    let credentials = credentials.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || credentials.is_empty() {
        return Err(Refusal::unauthorized(
            "write Authorization: Bearer and a token",
        ));
    }
    let caller = match token::check(host, credentials, &request.base, Use::Calls) {
        Ok(claims) => Caller::User(claims),
        Err(TokenError::Invalid) => match &settings.secret {
            Some(name) if host.is_secret(name, credentials.as_bytes())? => Caller::Server,
            _ => return Err(Refusal::forbidden("the token does not hold here")),
        },
        Err(other) => return Err(refuse(other)),
    };
    let bound = match &caller {
        Caller::User(claims) => claims.origin.as_slice(),
        Caller::Server => &[],
    };
    check_origin(request, settings, bound)?;
    Ok(Some(caller))
}

/// The caller of a call that needs one.
///
/// # Errors
/// As [`present`], and 401 where there are no credentials.
pub fn required(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
) -> Result<Caller, Refusal> {
    present(host, settings, request)?
        .ok_or_else(|| Refusal::unauthorized("this call needs Authorization: Bearer and a token"))
}

/// The caller of a call into one conversation.
///
/// # Errors
/// As [`required`], and 403 for a token of another conversation.
pub fn within(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
    conversation: &str,
) -> Result<Caller, Refusal> {
    let caller = required(host, settings, request)?;
    match &caller {
        Caller::User(claims) if claims.conv != conversation => {
            Err(Refusal::forbidden("the token is of another conversation"))
        }
        _ => Ok(caller),
    }
}

/// Checks the token in a stream's address.
///
/// # Errors
/// 401 without one, 403 where it does not hold for this conversation and origin.
pub fn of_stream(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
    conversation: &str,
) -> Result<Claims, Refusal> {
    let given = request
        .query_raw("t")
        .ok_or_else(|| Refusal::unauthorized("the stream's address carries its own token"))?;
    let claims = token::check(host, given, &request.base, Use::Stream).map_err(refuse)?;
    if claims.conv != conversation {
        return Err(Refusal::forbidden("the token is of another conversation"));
    }
    check_origin(request, settings, &claims.origin)?;
    Ok(claims)
}

/// 403 with the code by which directlinejs knows an expired token.
fn refuse(error: TokenError) -> Refusal {
    match error {
        TokenError::Invalid => Refusal::forbidden("the token does not hold here"),
        TokenError::Expired => {
            Refusal::new(403, "TokenExpired", "the token has expired; get a new one")
        }
        TokenError::Host(fault) => fault.into(),
    }
}

/// Claims that begin now.
pub fn claims(
    host: &impl Host,
    request: &Request,
    conversation: &str,
    user: User,
    origin: Vec<String>,
) -> Claims {
    let iat = host.now_ms() / 1000;
    Claims {
        aud: request.base.clone(),
        purpose: Use::Calls,
        conv: conversation.to_owned(),
        user: user.id,
        name: user.name,
        origin,
        iat,
        exp: iat + TOKEN_SECONDS,
    }
}

/// The same rights for another half hour.
pub fn renewed(host: &impl Host, claims: &Claims) -> Claims {
    let iat = host.now_ms() / 1000;
    Claims {
        iat,
        exp: iat + TOKEN_SECONDS,
        ..claims.clone()
    }
}

/// The right to open the stream within a minute.
pub fn for_stream(host: &impl Host, claims: &Claims) -> Claims {
    let iat = host.now_ms() / 1000;
    Claims {
        purpose: Use::Stream,
        iat,
        exp: iat + STREAM_SECONDS,
        ..claims.clone()
    }
}

/// The user that a server names; a made-up one where it names none. Ids that the host could not carry are refused, not cut.
///
/// # Errors
/// 400 for an id that is too long or holds control characters.
pub fn named_by_server(host: &impl Host, user: Option<&Value>) -> Result<User, Refusal> {
    let id = match user.and_then(|user| user.get("id")).and_then(Value::as_str) {
        None | Some("") => made_up(host),
        Some(id) if id.len() <= NAME_BYTES && !id.chars().any(char::is_control) => id.to_owned(),
        Some(_) => {
            return Err(Refusal::bad(format!(
                "a user's id has at most {NAME_BYTES} bytes and no control characters"
            )));
        }
    };
    Ok(User {
        id,
        name: name_of(user),
    })
}

/// Somebody of whom nothing is known but the name they give. The id is never theirs to choose.
pub fn somebody(host: &impl Host, user: Option<&Value>) -> User {
    User {
        id: made_up(host),
        name: name_of(user),
    }
}

/// `dl_` is the mark of ids that clients accept only out of a token (Direct Line 3.0).
fn made_up(host: &impl Host) -> String {
    format!("dl_{}", token::random_id(host))
}

fn name_of(user: Option<&Value>) -> Option<String> {
    user.and_then(|user| user.get("name"))
        .and_then(Value::as_str)
        .map(bounds::name)
        .filter(|name| !name.is_empty())
}

/// The user on whose behalf an activity is sent: the token's, or for a server the one in `from`.
///
/// # Errors
/// 400 for a server's activity that names no sender.
pub fn sender(
    host: &impl Host,
    caller: &Caller,
    activity: &Map<String, Value>,
) -> Result<User, Refusal> {
    match caller {
        Caller::User(claims) => Ok(User {
            id: claims.user.clone(),
            name: claims.name.clone(),
        }),
        Caller::Server => match activity
            .get("from")
            .filter(|from| from.get("id").is_some_and(Value::is_string))
        {
            Some(from) => named_by_server(host, Some(from)),
            None => Err(Refusal::bad(
                "an activity sent with the secret names its sender in from.id",
            )),
        },
    }
}
