//! The Direct Line 3.0 server: one request in, one answer and its events out.

use greentic_sdk::channel::{IngressOutcome, Request, Response, Surface};
use greentic_sdk::model::{Attachment, Conversation, Event, EventBody, Participant};
use serde_json::{Map, Value, json};

use crate::activity::{self, Incoming, User};
use crate::answer::{Refusal, check_origin, json_answer, preflight, with_cors};
use crate::bounds;
use crate::caller::{self, Caller};
use crate::deliver::file_id;
use crate::host::{Host, HostError};
use crate::limits::{ACTIVITY_BYTES, TOKEN_SECONDS};
use crate::route::{self, Call};
use crate::settings::Settings;
use crate::token::{self, Claims};
use crate::{files, page, stored, upload};

/// What came of a call.
type Answer = Result<(Response, Vec<Event>), Refusal>;

/// Serves one request, whatever it is.
pub fn serve(host: &impl Host, settings: &Settings, request: &Request) -> IngressOutcome {
    if request.surface == Surface::Page {
        return IngressOutcome::answer(page::serve(request, settings));
    }
    let (response, events) =
        api(host, settings, request).unwrap_or_else(|refusal| (refusal.response(), Vec::new()));
    IngressOutcome::events(with_cors(response, request, settings), events)
}

fn api(host: &impl Host, settings: &Settings, request: &Request) -> Answer {
    let quiet = |response: Response| Ok((response, Vec::new()));
    match route::call(&request.method, &request.path)? {
        Call::Preflight => check_origin(request, settings, &[]).and_then(|()| quiet(preflight())),
        Call::Generate => quiet(generate(host, settings, request)?),
        Call::Refresh => quiet(refresh(host, settings, request)?),
        Call::Start => start(host, settings, request),
        Call::Reconnect(conversation) => quiet(reconnect(host, settings, request, &conversation)?),
        Call::Activities(conversation) => {
            caller::within(host, settings, request, &conversation)?;
            let set = stored::read(host, &conversation, watermark(request)?.unwrap_or(0))?;
            quiet(Response::json(200, set.json).with_header("cache-control", "no-store"))
        }
        Call::Post(conversation) => post(host, settings, request, &conversation),
        Call::Upload(conversation) => receive_files(host, settings, request, &conversation),
        Call::File(conversation, file) => quiet(files::fetch(host, request, &conversation, &file)?),
        Call::Stream(_) => Err(Refusal::new(
            426,
            "UpgradeRequired",
            "the stream is a websocket",
        )),
    }
}

/// `POST tokens/generate`: for a server with the secret, or for anybody where the channel is anonymous. Does not start the conversation.
fn generate(host: &impl Host, settings: &Settings, request: &Request) -> Result<Response, Refusal> {
    let body = optional_object(&request.body)?;
    let user = body.get("user");
    let (user, origins) = match caller::present(host, settings, request)? {
        Some(Caller::Server) => (
            caller::named_by_server(host, user)?,
            trusted_origins(&body)?,
        ),
        Some(Caller::User(_)) => {
            return Err(Refusal::forbidden(
                "a token makes no tokens; use tokens/refresh",
            ));
        }
        None if settings.anonymous => (caller::somebody(host, user), Vec::new()),
        None => {
            return Err(Refusal::unauthorized(
                "this channel hands out tokens against its secret only",
            ));
        }
    };
    let claims = caller::claims(host, request, &token::random_id(host), user, origins);
    Ok(json_answer(200, &token_fields(host, &claims)?.into()))
}

/// `trustedOrigins`: the only origins from which the token may be used.
fn trusted_origins(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let Some(list) = body.get("trustedOrigins").filter(|list| !list.is_null()) else {
        return Ok(Vec::new());
    };
    let origins: Option<Vec<String>> =
        list.as_array()
            .filter(|list| list.len() <= 16)
            .and_then(|list| {
                list.iter()
                    .map(|one| {
                        one.as_str()
                            .filter(|one| one.len() <= 256)
                            .map(|one| one.trim_end_matches('/').to_owned())
                    })
                    .collect()
            });
    origins.ok_or_else(|| Refusal::bad("trustedOrigins is a list of at most 16 origins"))
}

/// `POST tokens/refresh`: the same rights for longer, while the old token holds.
fn refresh(host: &impl Host, settings: &Settings, request: &Request) -> Result<Response, Refusal> {
    match caller::required(host, settings, request)? {
        Caller::User(claims) => Ok(json_answer(
            200,
            &token_fields(host, &caller::renewed(host, &claims))?.into(),
        )),
        Caller::Server => Err(Refusal::bad("only tokens are refreshed")),
    }
}

fn token_fields(host: &impl Host, claims: &Claims) -> Result<Map<String, Value>, HostError> {
    let token = token::issue(host, claims)?;
    Ok(Map::from_iter([
        ("conversationId".to_owned(), claims.conv.as_str().into()),
        ("token".to_owned(), token.into()),
        ("expires_in".to_owned(), TOKEN_SECONDS.into()),
    ]))
}

/// Token, and the address of the stream from a position on: absolute, because clients open it as it stands.
fn stream_fields(
    host: &impl Host,
    request: &Request,
    claims: &Claims,
    after: u64,
) -> Result<Map<String, Value>, HostError> {
    let mut fields = token_fields(host, claims)?;
    let token = token::issue(host, &caller::for_stream(host, claims))?;
    let address = request.origin.replacen("http", "ws", 1) + &request.base;
    fields.insert(
        "streamUrl".into(),
        format!(
            "{address}/v3/directline/conversations/{}/stream?watermark={after}&t={token}",
            claims.conv
        )
        .into(),
    );
    Ok(fields)
}

/// `POST conversations`: 201 for a new one, 200 for one that is there; the stream replays it from the start.
fn start(host: &impl Host, settings: &Settings, request: &Request) -> Answer {
    let body = optional_object(&request.body)?;
    let claims = match caller::required(host, settings, request)? {
        Caller::User(claims) => caller::renewed(host, &claims),
        Caller::Server => caller::claims(
            host,
            request,
            &token::random_id(host),
            caller::named_by_server(host, body.get("user"))?,
            trusted_origins(&body)?,
        ),
    };
    let page = host.read(&claims.conv, 0, 1)?;
    let address = request.origin.clone() + &request.base;
    if page.last == 0 {
        host.append(&claims.conv, "open", &stored::opening(&address))?;
    }
    let response = json_answer(
        if page.last == 0 { 201 } else { 200 },
        &stream_fields(host, request, &claims, 0)?.into(),
    );
    // While nothing was said the arrival is told again: the client may be repeating a call whose event did not get through.
    let events = if page.last <= 1 {
        let locale = bounds::locale(body.get("locale"));
        let person = Participant {
            id: claims.user.clone(),
            name: claims.name.clone(),
            locale,
            is_bot: false,
        };
        vec![Event {
            id: stored::activity_id(&claims.conv, 1),
            dedupe_key: format!("{}:joined", claims.conv),
            time_ms: host.now_ms(),
            conversation: Conversation::direct(claims.conv.clone()),
            sender: person.clone(),
            reply_to: None,
            body: EventBody::Joined(vec![person]),
        }]
    } else {
        Vec::new()
    };
    Ok((response, events))
}

/// `GET conversations/{id}`: a new token, and a stream that replays after the watermark; without one only what is new.
fn reconnect(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
    conversation: &str,
) -> Result<Response, Refusal> {
    let Caller::User(claims) = caller::within(host, settings, request, conversation)? else {
        return Err(Refusal::forbidden(
            "reconnect with the conversation's own token",
        ));
    };
    let page = host.read(conversation, 0, 1)?;
    if page.last == 0 {
        return Err(Refusal::not_found());
    }
    let after = watermark(request)?.unwrap_or(page.last);
    Ok(json_answer(
        200,
        &stream_fields(host, request, &caller::renewed(host, &claims), after)?.into(),
    ))
}

/// `POST conversations/{id}/activities`.
fn post(host: &impl Host, settings: &Settings, request: &Request, conversation: &str) -> Answer {
    let caller = caller::within(host, settings, request, conversation)?;
    let user = match &caller {
        Caller::User(_) => caller::sender(host, &caller, &Map::new())?,
        Caller::Server => caller::sender(host, &caller, &bounds::object(&request.body)?)?,
    };
    let (id, event) = accept(
        host,
        conversation,
        activity::read(&request.body, &user, Vec::new())?,
    )?;
    Ok((json_answer(200, &json!({"id": id})), vec![event]))
}

/// `POST conversations/{id}/upload`: files, with or without an activity that they belong to.
fn receive_files(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
    conversation: &str,
) -> Answer {
    let caller = caller::within(host, settings, request, conversation)?;
    if request.body.len() > settings.upload_limit {
        return Err(Refusal::too_large("the upload", settings.upload_limit));
    }
    let upload = upload::read(
        request.header("content-type"),
        request.header("content-disposition"),
        &request.body,
    )?;
    let body = upload.activity.unwrap_or(br#"{"type":"message"}"#);
    let fields = bounds::object(body)?;
    let user = sender_of_upload(host, &caller, &fields, request)?;
    // An upload that is sent again finds its files by the client's id of the activity.
    let client_id = fields
        .get("channelData")
        .and_then(|data| data.get("clientActivityID"))
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty());
    let key = client_id.map_or_else(|| token::random_id(host), str::to_owned);
    let address = request.origin.clone() + &request.base;
    let place = files::Place {
        address: &address,
        audience: &request.base,
        conversation,
    };
    // The activity is judged before anything is kept.
    activity::read(body, &user, vec![placeholder(); upload.files.len()])?;
    let mut kept = Vec::with_capacity(upload.files.len());
    for (at, file) in upload.files.iter().enumerate() {
        let id = file_id(host, conversation, &format!("{at}\n{key}"))?;
        let file_to_keep = files::NewFile {
            id: &id,
            name: &file.name,
            content_type: &file.content_type,
            bytes: file.bytes,
        };
        let url = files::keep(host, &place, &file_to_keep)?;
        let echoed =
            json!({"contentType": file.content_type, "contentUrl": url, "name": file.name});
        let size = u64::try_from(file.bytes.len()).ok();
        kept.push((
            Attachment {
                name: file.name.clone(),
                content_type: file.content_type.clone(),
                url: Some(url),
                content: None,
                size,
            },
            echoed,
        ));
    }
    let (id, event) = accept(host, conversation, activity::read(body, &user, kept)?)?;
    Ok((json_answer(200, &json!({"id": id})), vec![event]))
}

/// For a server `userId` in the query says whose upload it is where the activity does not (Direct Line 3.0).
fn sender_of_upload(
    host: &impl Host,
    caller: &Caller,
    fields: &Map<String, Value>,
    request: &Request,
) -> Result<User, Refusal> {
    let named = request
        .query_raw("userId")
        .and_then(route::decode)
        .filter(|id| !id.is_empty());
    match (caller, named) {
        (Caller::Server, Some(id)) if fields.get("from").is_none() => {
            caller::named_by_server(host, Some(&json!({"id": id})))
        }
        _ => caller::sender(host, caller, fields),
    }
}

/// Stands for a file that is not kept yet.
fn placeholder() -> (Attachment, Value) {
    (
        Attachment {
            name: String::new(),
            content_type: String::new(),
            url: Some(String::new()),
            content: None,
            size: None,
        },
        Value::Null,
    )
}

/// Puts the echo into the log and makes the event. Sent again under the client's id, both are the same as the first time.
///
/// # Errors
/// 413 when the echo does not fit into the log, 503 when the log is away.
pub fn accept(
    host: &impl Host,
    conversation: &str,
    incoming: Incoming,
) -> Result<(String, Event), Refusal> {
    let now = host.now_ms();
    let id = match incoming.echo {
        Some(echo) => {
            let entry = stored::seal_text(echo, conversation, now);
            if entry.len() > ACTIVITY_BYTES {
                return Err(Refusal::too_large("the activity", ACTIVITY_BYTES));
            }
            let key = incoming
                .client_id
                .as_ref()
                .map_or_else(|| token::random_id(host), |id| format!("in:{id}"));
            stored::activity_id(conversation, host.append(conversation, &key, &entry)?)
        }
        None => format!("{conversation}|{}", token::random_id(host)),
    };
    let dedupe_key = incoming
        .client_id
        .map_or_else(|| id.clone(), |client| format!("{conversation}:{client}"));
    let event = Event {
        id: id.clone(),
        dedupe_key,
        time_ms: now,
        conversation: Conversation::direct(conversation),
        sender: incoming.sender,
        reply_to: incoming.reply_to,
        body: incoming.body,
    };
    Ok((id, event))
}

/// The position a client has seen. None where it says nothing; some clients write `null` for that.
///
/// # Errors
/// 400 for anything but a number.
pub fn watermark(request: &Request) -> Result<Option<u64>, Refusal> {
    match request.query_raw("watermark") {
        None | Some("" | "null" | "undefined" | "-") => Ok(None),
        Some(digits) => digits
            .parse()
            .map(Some)
            .map_err(|_| Refusal::bad("watermark is what an earlier answer gave")),
    }
}

/// The body of a call that may have none.
fn optional_object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        Ok(Map::new())
    } else {
        bounds::object(body)
    }
}

#[cfg(test)]
mod tests;
