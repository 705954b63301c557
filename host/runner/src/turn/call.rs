//! The call of the flow itself: typing is shown while it takes long, and the lease is kept alive.

use std::sync::Arc;

use greentic_interfaces::imports::greentic::channel::types::{
    Capabilities, Delivery as ChannelDelivery,
};
use greentic_interfaces::imports::greentic::flow::types::{FlowError, TurnInput, TurnOutput};
use greentic_interfaces::model::{Outbound, OutboundBody, TenantCtx};
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_session::Claimed;

use super::{TYPING_AFTER, Trouble};
use crate::channel::ChannelRuntime;
use crate::clock::now_ms;
use crate::envelope::Inbound;
use crate::generation::Generation;
use crate::router::FlowRuntime;

impl Generation {
    /// One call of the flow, with typing shown while it takes long and the lease kept alive.
    pub(super) async fn call_flow(
        &self,
        channel: &Arc<ChannelRuntime>,
        inbound: &Inbound,
        claimed: &Claimed,
        flow: &FlowRuntime,
        snapshot: Option<Vec<u8>>,
        scope: &CallScope,
    ) -> Result<Result<TurnOutput, FlowError>, Trouble> {
        let tenant = channel.reference.tenant_ctx();
        let input = TurnInput {
            tenant: TenantCtx {
                tenant_id: tenant.tenant_id.to_string(),
                env_id: tenant.env_id.to_string(),
                team_id: tenant.team_id.as_ref().map(ToString::to_string),
            },
            definition: flow.definition.clone(),
            flow: flow.flow.clone(),
            event: inbound.event.clone(),
            snapshot,
            parameters: "{}".to_owned(),
            now_ms: now_ms(),
            locale: inbound
                .event
                .sender
                .locale
                .clone()
                .unwrap_or_else(|| channel.locale.clone()),
            seed: inbound.id.seed(),
        };
        let call = flow.client.turn(scope.clone(), input);
        let mut call = std::pin::pin!(call);
        // Almost every turn ends here, before any timer is made.
        let mut answer =
            std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context)))
                .await;
        let deadline = tokio::time::Instant::now() + self.limits.turn.deadline;
        let mut typing = Some(tokio::time::Instant::now() + TYPING_AFTER);
        let mut renew = tokio::time::Instant::now() + self.limits.session.renew;
        loop {
            match answer {
                std::task::Poll::Ready(Ok(output)) => return Ok(output),
                std::task::Poll::Ready(Err(fault)) => return Err(self.fault(fault)),
                std::task::Poll::Pending => {}
            }
            let wake = typing.unwrap_or(deadline).min(renew).min(deadline);
            tokio::select! {
                biased;
                done = &mut call => { answer = std::task::Poll::Ready(done); continue; }
                () = tokio::time::sleep_until(wake) => {}
            }
            let now = tokio::time::Instant::now();
            if now >= deadline {
                return Err(Trouble::Never(format!(
                    "the turn took longer than {:?} (key `limits.turn.deadline`)",
                    self.limits.turn.deadline
                )));
            }
            if typing.is_some_and(|at| now >= at) {
                typing = None;
                self.show_typing(channel, inbound, scope);
            }
            if now >= renew {
                renew = now + self.limits.session.renew;
                if channel
                    .backends
                    .sessions
                    .renew(scope.clone(), &claimed.partition, claimed.fence())
                    .await
                    .is_err()
                {
                    self.metrics.lease_lost.inc();
                    return Err(Trouble::Later(
                        "the lease of its session was lost during the turn".into(),
                        None,
                    ));
                }
            }
            answer = std::task::Poll::Pending;
        }
    }

    /// Typing is worth nothing later, so it goes straight to the channel and its outcome interests nobody.
    pub(super) fn show_typing(
        &self,
        channel: &Arc<ChannelRuntime>,
        inbound: &Inbound,
        scope: &CallScope,
    ) {
        if !channel.can(Capabilities::TYPING) {
            return;
        }
        let message = Outbound {
            conversation: inbound.event.conversation.clone(),
            reply_to: None,
            only_for: None,
            body: OutboundBody::Typing,
        };
        let delivery = ChannelDelivery {
            id: inbound.id.derive(u32::MAX).to_string(),
            attempt: 1,
            message,
        };
        let (channel, scope) = (Arc::clone(channel), channel.scope(scope.trace));
        tokio::spawn(async move {
            let _ = channel.client.deliver(scope, delivery).await;
        });
    }

    pub(super) fn fault(&self, fault: Fault) -> Trouble {
        self.metrics
            .plugin_faults
            .with([&*fault.plugin, fault.kind.word()])
            .inc();
        if fault.kind.may_pass() {
            Trouble::Later(fault.to_string(), None)
        } else {
            Trouble::Never(fault.to_string())
        }
    }
}
