//! The hooks against real servers on this machine, driven as `wasi:http` drives them.

mod limits;
mod reaching;
mod secrets;
mod server;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};
use zeroize::Zeroizing;

use super::{Hooks, HttpClient, HttpClientConfig, NoPlaceholders, Placeholders};
use crate::grants::{GrantTexts, Grants};
use crate::net::{Lookup, Resolve};

/// Names that lead where the test says.
struct Names(HashMap<&'static str, Vec<IpAddr>>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        let found = self
            .0
            .get(name)
            .cloned()
            .ok_or_else(|| std::io::Error::other("no such name"));
        Box::pin(std::future::ready(found))
    }
}

fn client_with(config: HttpClientConfig, names: &[(&'static str, &[&str])]) -> HttpClient {
    let names = names.iter().map(|(name, to)| {
        (
            *name,
            to.iter().map(|address| address.parse().unwrap()).collect(),
        )
    });
    HttpClient::with_resolver(config, Arc::new(Names(names.collect()))).unwrap()
}

fn client() -> HttpClient {
    client_with(
        HttpClientConfig::default(),
        &[("sim.example", &["127.0.0.1"])],
    )
}

fn grants(http: &[String]) -> GrantTexts {
    GrantTexts {
        http: http.to_vec(),
        ..GrantTexts::default()
    }
}

fn hooks_with(
    client: &HttpClient,
    plugin: &str,
    texts: &GrantTexts,
    table: Arc<dyn Placeholders>,
) -> Hooks {
    let grants = Grants::parse(texts, Path::new("/")).unwrap();
    Hooks::new(client.clone(), plugin, Arc::new(grants), table)
}

fn hooks(client: &HttpClient, plugin: &str, http: &[String]) -> Hooks {
    hooks_with(client, plugin, &grants(http), Arc::new(NoPlaceholders))
}

fn body(text: impl Into<Bytes>) -> WasiBody {
    Full::new(text.into()).map_err(Error::from).boxed_unsync()
}

fn get(uri: &str) -> Request<WasiBody> {
    Request::get(uri).body(body("")).unwrap()
}

/// A whole response.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn send_with(
    hooks: &mut Hooks,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Answer, Error> {
    let (response, io) =
        Box::into_pin(hooks.send_request(request, Some(options), Box::new(async { Ok(()) })))
            .await?;
    Box::into_pin(io).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}

async fn send(hooks: &mut Hooks, request: Request<WasiBody>) -> Result<Answer, Error> {
    send_with(hooks, request, RequestOptions::default()).await
}

/// A secret's placeholder and its value.
struct Table(Vec<(&'static str, &'static str)>);

impl Placeholders for Table {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn resolve(&self, token: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == token)?;
        Some(Zeroizing::new(value.as_bytes().to_vec()))
    }
}
