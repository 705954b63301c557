//! The rows: `field "key" unit = default, least => greatest;`, each with its meaning above it.

use std::time::Duration;

use super::{Held, Limit, Unit, shape_fields};
use crate::shape::{Fields, Kind, Shape, field};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

limits! {
    /// The public HTTP endpoint.
    request "request" RequestLimits REQUEST {
        /// A request's body; beyond it 413.
        body "body" Size = MIB, KIB => 64 * MIB;
        /// A request's body on paths a channel declares for uploads; beyond it 413.
        upload_body "upload-body" Size = 4 * MIB, KIB => 256 * MIB;
        /// Path and query together; beyond it 414.
        target "target" Size = 8 * KIB, 256 => 64 * KIB;
        /// Header lines of a request; beyond it 431.
        header_count "header-count" Count = 100, 8 => 1_000;
        /// All header bytes of a request; beyond it 431.
        header_bytes "header-bytes" Size = 64 * KIB, 8 * KIB => MIB;
        /// From the first byte to the end of the headers; beyond it the connection is closed.
        header_time "header-time" Time = 10 * SECOND, 100 => 5 * MINUTE;
        /// From the end of the headers to the end of the body; beyond it 408.
        body_time "body-time" Time = 30 * SECOND, 100 => 10 * MINUTE;
        /// From the whole request to the answer, publishing included; beyond it 503 with Retry-After.
        answer "answer" Time = 10 * SECOND, 100 => 2 * MINUTE;
        /// A connection without a request; beyond it it is closed.
        idle "idle" Time = 75 * SECOND, SECOND => HOUR;
        /// Open connections; beyond it new ones wait in the kernel.
        connections "connections" Count = 10_000, 1 => 1_000_000;
        /// Streams of one HTTP/2 connection at a time.
        streams "streams" Count = 128, 1 => 10_000;
        /// Requests being answered at a time; beyond it 503.
        in_flight "in-flight" Count = 1_024, 1 => 1_000_000;
        /// What a 503 gives as Retry-After.
        retry_after "retry-after" Time = SECOND, SECOND => 10 * MINUTE;
        /// The body of an answer a channel gives.
        response_body "response-body" Size = 4 * MIB, KIB => 64 * MIB;
    }

    /// The admin endpoint.
    admin "admin" AdminLimits ADMIN {
        /// A request's body; beyond it 413.
        body "body" Size = 256 * KIB, KIB => 64 * MIB;
        /// Entries of one page of a listing.
        page "page" Count = 100, 1 => 10_000;
        /// From the request to the answer; beyond it 503.
        answer "answer" Time = 30 * SECOND, 100 => 10 * MINUTE;
    }

    /// Websockets of channels.
    websocket "websocket" WebsocketLimits WEBSOCKET {
        /// One frame or message; beyond it the socket is closed with 1009.
        frame "frame" Size = 256 * KIB, KIB => 16 * MIB;
        /// Silence, pings unanswered; beyond it the socket is closed.
        idle "idle" Time = 2 * MINUTE, SECOND => DAY;
        /// Between two pings.
        ping "ping" Time = 30 * SECOND, 100 => HOUR;
        /// Open sockets of one channel; beyond it 503.
        per_channel "per-channel" Count = 1_000, 1 => 1_000_000;
        /// Frames that wait for a slow client; beyond it the socket is closed with 1013 and the client resumes by watermark.
        queue "queue" Count = 256, 1 => 100_000;
    }

    /// One plugin; a plugin's own `limits` changes them for it alone.
    plugin "plugin" PluginLimits PLUGIN {
        /// Linear memory of one instance; beyond it growing fails in the guest.
        memory "memory" Size = 64 * MIB, MIB => 4 * GIB;
        /// CPU time of one call; beyond it the call fails and the instance is discarded.
        cpu_per_call "cpu-per-call" Time = 200, 1 => 5 * MINUTE;
        /// Wall time of one call, waiting included; beyond it the call fails.
        call_timeout "call-timeout" Time = 30 * SECOND, 10 => HOUR;
        /// Calls of one tenant that run at a time.
        calls_in_flight "calls-in-flight" Count = 64, 1 => 10_000;
        /// Calls of one tenant that wait for a free instance; beyond it they are shed.
        queue "queue" Count = 256, 1 => 100_000;
        /// How long a call waits for a free instance; beyond it it is shed.
        queue_wait "queue-wait" Time = 5 * SECOND, 1 => 10 * MINUTE;
        /// Warm instances of one tenant.
        instances "instances" Count = 16, 1 => 1_000;
        /// Calls after which an instance is retired and replaced.
        calls_per_instance "calls-per-instance" Count = 10_000, 1 => 1_000_000_000;
        /// Idleness after which an instance is evicted.
        idle "idle" Time = MINUTE, 100 => DAY;
        /// Elements of all tables of one instance.
        table_elements "table-elements" Count = 100_000, 100 => 10_000_000;
        /// Host calls in one call; beyond it the call fails.
        host_calls "host-calls" Count = 10_000, 1 => 100_000_000;
        /// Bytes the host copies for one host call (hostcall fuel); beyond it the call fails.
        host_call_bytes "host-call-bytes" Size = 16 * MIB, KIB => GIB;
        /// Random bytes taken at a time.
        random "random" Size = 64 * KIB, 32 => 16 * MIB;
    }

    /// HTTP requests and sockets of plugins.
    outgoing "outgoing" OutgoingLimits OUTGOING {
        /// Name lookup and connection, TLS included.
        connect "connect" Time = 5 * SECOND, 10 => 5 * MINUTE;
        /// From the request to the first byte of the answer.
        first_byte "first-byte" Time = 20 * SECOND, 10 => 10 * MINUTE;
        /// Between two bytes of an answer.
        between_bytes "between-bytes" Time = 10 * SECOND, 10 => 10 * MINUTE;
        /// The body of an answer.
        response_body "response-body" Size = 16 * MIB, KIB => GIB;
        /// All header bytes of an answer.
        header_bytes "header-bytes" Size = 64 * KIB, KIB => MIB;
        /// Idle connections kept for one host.
        idle_per_host "idle-per-host" Count = 8, 1 => 1_000;
        /// How long an idle connection is kept.
        idle "idle" Time = MINUTE, 100 => HOUR;
    }

    /// Replacing plugins that fail.
    supervision "supervision" SupervisionLimits SUPERVISION {
        /// The wait before the first restart; it doubles with each failure.
        backoff_base "backoff-base" Time = 100, 1 => MINUTE;
        /// The longest wait before a restart.
        backoff_cap "backoff-cap" Time = 30 * SECOND, 1 => HOUR;
        /// Restarts inside the window; beyond it the plugin is unavailable until the window has passed.
        restarts "restarts" Count = 10, 1 => 100_000;
        /// The window restarts are counted in.
        window "window" Time = MINUTE, 100 => DAY;
        /// Faults by one tenant in a shared plugin, inside the window, after which that tenant is cut off from it.
        strikes "strikes" Count = 3, 1 => 100_000;
        /// How long a tenant stays cut off.
        cut_off "cut-off" Time = 5 * MINUTE, 100 => DAY;
    }

    /// The bus between gateway, runner and egress.
    bus "bus" BusLimits BUS {
        /// Messages pulled, settled or published in one call.
        batch "batch" Count = 64, 1 => 256;
        /// Messages pulled and not settled, of one consumer.
        in_flight "in-flight" Count = 1_024, 1 => 1_000_000;
        /// How long a pull waits for the first message.
        pull_wait "pull-wait" Time = 5 * SECOND, 1 => MINUTE;
        /// After it a message that was not settled is delivered again.
        ack_wait "ack-wait" Time = 30 * SECOND, SECOND => HOUR;
        /// Before it a message still being worked on has its wait extended.
        extend "extend" Time = 10 * SECOND, 100 => HOUR;
        /// Deliveries of one message; then it becomes a dead letter.
        max_deliver "max-deliver" Count = 8, 1 => 1_000;
        /// The wait before a message that could not be worked on is delivered again; it doubles.
        retry_base "retry-base" Time = 500, 1 => HOUR;
        /// The longest such wait.
        retry_cap "retry-cap" Time = 30 * SECOND, 1 => DAY;
        /// Publishing must be confirmed within it; beyond it the webhook gets 503.
        publish "publish" Time = 5 * SECOND, 10 => MINUTE;
        /// Messages that wait in the process to be published together; beyond it they are shed.
        publish_queue "publish-queue" Count = 1_024, 1 => 1_000_000;
    }

    /// Sessions.
    session "session" SessionLimits SESSION {
        /// How long a lease holds without renewal.
        lease "lease" Time = 15 * SECOND, SECOND => 10 * MINUTE;
        /// Between two renewals.
        renew "renew" Time = 5 * SECOND, 100 => 5 * MINUTE;
        /// A snapshot; beyond it the turn fails.
        snapshot "snapshot" Size = 256 * KIB, KIB => 16 * MIB;
        /// How long a session lives after its last turn, unless its wait says less.
        ttl "ttl" Time = DAY, SECOND => 365 * DAY;
        /// How long handled events are remembered.
        dedupe "dedupe" Time = DAY, MINUTE => 30 * DAY;
        /// Handled events remembered inside a session record; older ones have records of their own.
        dedupe_entries "dedupe-entries" Count = 128, 1 => 10_000;
        /// Turns run again because another commit came first; then the event is retried later.
        conflicts "conflicts" Count = 8, 1 => 1_000;
        /// Between two looks for conversations whose wait is over.
        alarms "alarms" Time = SECOND, 10 => 10 * MINUTE;
        /// How long a conversation in mid-flow goes on with the flow's version it began with, after a newer one is there.
        old_flow "old-flow" Time = DAY, 1 => 30 * DAY;
        /// Old versions of one flow kept for that; beyond it conversations in the oldest move on.
        old_flows "old-flows" Count = 4, 1 => 100;
        /// Messages one turn may send.
        outbox "outbox" Count = 64, 1 => 256;
    }

    /// Flow turns.
    turn "turn" TurnLimits TURN {
        /// One turn, node and tool calls included.
        deadline "deadline" Time = 60 * SECOND, 10 => HOUR;
        /// Turns that run at a time in this process.
        in_flight "in-flight" Count = 1_024, 1 => 100_000;
    }

    /// Key-value state of flows and nodes.
    state "state" StateLimits STATE {
        /// One value; beyond it writing fails.
        value "value" Size = 256 * KIB, KIB => 16 * MIB;
        /// One key.
        key "key" Size = 256, 16 => 4 * KIB;
        /// How long a value lives when none is said.
        ttl "ttl" Time = 365 * DAY, SECOND => 3_650 * DAY;
    }

    /// Delivery to the platforms.
    egress "egress" EgressLimits EGRESS {
        /// Attempts for one message; then it becomes a dead letter.
        attempts "attempts" Count = 8, 1 => 1_000;
        /// The wait before the second attempt; it doubles.
        backoff_base "backoff-base" Time = 500, 1 => HOUR;
        /// The longest wait between attempts.
        backoff_cap "backoff-cap" Time = 5 * MINUTE, 1 => DAY;
        /// Deliveries of one channel at a time.
        in_flight "in-flight" Count = 64, 1 => 10_000;
        /// How long a receipt is kept, so that a message delivered again is not sent again.
        receipts "receipts" Time = DAY, MINUTE => 30 * DAY;
    }

    /// Dead letters.
    dead_letters "dead-letters" DeadLetterLimits DEAD_LETTERS {
        /// Dead letters kept for one tenant; the oldest goes first, counted.
        kept "kept" Count = 10_000, 1 => 10_000_000;
        /// How long one is kept.
        ttl "ttl" Time = 14 * DAY, MINUTE => 365 * DAY;
    }

    /// One tenant; a tenant's own `quota` lowers them.
    quota "quota" QuotaLimits QUOTA {
        /// Events accepted in a second, over time; beyond it 429.
        events_per_second "events-per-second" Count = 200, 1 => 1_000_000;
        /// Events accepted at once above that rate.
        burst "burst" Count = 1_000, 1 => 10_000_000;
        /// Turns at a time.
        turns_in_flight "turns-in-flight" Count = 256, 1 => 100_000;
    }

    /// Secrets.
    secrets "secrets" SecretLimits SECRETS {
        /// One secret.
        value "value" Size = 64 * KIB, 16 => MIB;
        /// One call to the backend.
        fetch "fetch" Time = 5 * SECOND, 10 => MINUTE;
    }

    /// Packs and their components.
    pack "pack" PackLimits PACK {
        /// A whole archive.
        bytes "bytes" Size = 256 * MIB, MIB => 4 * GIB;
        /// One file in it.
        file "file" Size = 128 * MIB, MIB => 4 * GIB;
        /// Its manifest, its bill of materials and each signature.
        metadata "metadata" Size = 8 * MIB, 64 * KIB => 256 * MIB;
        /// Files in it.
        files "files" Count = 8_192, 1 => 65_534;
        /// Signatures on it.
        signatures "signatures" Count = 16, 1 => 1_000;
        /// Nesting in its manifest.
        depth "depth" Count = 96, 16 => 512;
    }

    /// Registries that packs and components are fetched from.
    registry "registry" RegistryLimits REGISTRY {
        /// A connection.
        connect "connect" Time = 5 * SECOND, 10 => MINUTE;
        /// The head of an answer, and a pause in its body.
        answer "answer" Time = 20 * SECOND, 10 => 10 * MINUTE;
        /// One pack or component in all.
        transfer "transfer" Time = 10 * MINUTE, 100 => 24 * HOUR;
        /// A manifest; a pack is bounded by `limits.pack.bytes`.
        manifest "manifest" Size = 4 * MIB, KIB => 64 * MIB;
        /// Packs and components fetched at a time.
        parallel "parallel" Count = 4, 1 => 64;
        /// What was fetched, on disk; the longest unused goes first.
        cache "cache" Size = 2 * GIB, MIB => 1_024 * GIB;
    }

    /// Taking over a changed bundle.
    generation "generation" GenerationLimits GENERATION {
        /// Between two looks at the bundle and the files it names.
        watch "watch" Time = 500, 50 => HOUR;
        /// A bus that is exchanged is emptied first; after so long messages of the new one no longer wait for that.
        drain "drain" Time = 10 * SECOND, 10 => HOUR;
        /// Earlier generations kept whole, to go back to.
        kept "kept" Count = 3, 1 => 100;
    }

    /// The process.
    process "process" ProcessLimits PROCESS {
        /// After the signal to stop, work in flight has so long to end.
        drain "drain" Time = 20 * SECOND, 100 => 10 * MINUTE;
        /// The cache of compiled components on disk; the least used go first.
        cache "cache" Size = 2 * GIB, MIB => 1_024 * GIB;
    }
}
