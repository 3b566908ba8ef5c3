//! The switch link: the protocol between a gateway and a host (`docs/switch-link.md` tells it as a story).
//!
//! An instance connects to the gateway over a WebSocket. Every WebSocket message is a *frame* of JSON: a list of messages,
//! handled in order. The host's frames are a bare list of [`HostMessage`]; the gateway's frames carry a number, which
//! [`HostMessage::Idle`] gives back.
//!
//! This crate holds the messages and how they are written; it knows bytes and JSON only.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod by_type;
mod frame;
mod message;

pub use frame::{
    FrameError, GatewayFrame, MAX_FRAME_BYTES, decode_gateway_frame, decode_host_frame, encode_gateway_frame, encode_host_frame,
};
pub use message::{
    Asked, GatewayMessage, Held, HostMessage, InteractionState, Mark, Over, PROTOCOL, Refusal, RequestState, StepMessage, SwitchEvent,
};
