//! Limits that are each in range and make no sense together.

use crate::limits::Limits;
use crate::shape::Fields;

/// Reports them at the key that is the smaller of the two by meaning.
pub(crate) fn report(fields: &Fields<'_, '_>, limits: &Limits) {
    let wrong = |holds: bool, group: &'static str, key: &str, message: &str| {
        if !holds {
            fields
                .ctx
                .error(fields.inner_key_span(group, key), "contradiction", message)
                .help("change one of the two");
        }
    };
    let session = &limits.session;
    wrong(
        session.renew * 2 <= session.lease,
        "session",
        "renew",
        "`renew` must be at most half of `lease`, so that one lost renewal does not lose the lease",
    );
    let bus = &limits.bus;
    wrong(
        bus.extend * 2 <= bus.ack_wait,
        "bus",
        "extend",
        "`extend` must be at most half of `ack-wait`, so that one lost extension does not redeliver",
    );
    wrong(
        bus.retry_base <= bus.retry_cap,
        "bus",
        "retry-base",
        "`retry-base` must not exceed `retry-cap`",
    );
    let egress = &limits.egress;
    wrong(
        egress.backoff_base <= egress.backoff_cap,
        "egress",
        "backoff-base",
        "`backoff-base` must not exceed `backoff-cap`",
    );
    let supervision = &limits.supervision;
    wrong(
        supervision.backoff_base <= supervision.backoff_cap,
        "supervision",
        "backoff-base",
        "`backoff-base` must not exceed `backoff-cap`",
    );
    let request = &limits.request;
    wrong(
        request.body <= request.upload_body,
        "request",
        "body",
        "`body` must not exceed `upload-body`",
    );
    wrong(
        limits.pack.file <= limits.pack.bytes,
        "pack",
        "file",
        "`file` must not exceed `bytes`",
    );
    wrong(
        limits.websocket.ping <= limits.websocket.idle,
        "websocket",
        "ping",
        "`ping` must not exceed `idle`",
    );
}
