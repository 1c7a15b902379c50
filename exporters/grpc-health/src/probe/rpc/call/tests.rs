use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::probe::rpc::hpack;

/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const ACKNOWLEDGED: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
const HEAD: &[u8] = b"\x83\x86";
const BODY: &[u8] = &[0, 0, 0, 0, 0];
/// `HealthCheckResponse { status: SERVING }` with its gRPC prefix.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

fn call() -> Call {
    Call::new(HEAD.to_vec(), Bytes::from_static(BODY))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, kind, flags, stream, payload);
    bytes
}

fn setting(name: u16, value: u32) -> Vec<u8> {
    let entry = [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(frame::SETTINGS, 0, 0, &entry)
}

/// `:status 200` and gRPC's content type.
fn head() -> Vec<u8> {
    let mut block = vec![0x88];
    hpack::write_known(&mut block, 31, b"application/grpc");
    block
}

fn trailers() -> Vec<u8> {
    let mut block = Vec::new();
    hpack::write(&mut block, b"grpc-status", b"0");
    block
}

fn answer() -> Vec<u8> {
    [
        frame(frame::HEADERS, frame::END_HEADERS, 1, &head()),
        frame(frame::DATA, 0, 1, SERVING),
        frame(
            frame::HEADERS,
            frame::END_HEADERS | frame::END_STREAM,
            1,
            &trailers(),
        ),
    ]
    .concat()
}

/// What comes of this after SETTINGS.
fn after_settings(bytes: &[u8]) -> Step {
    let mut call = call();
    call.hear(SETTINGS)?;
    call.hear(bytes)
}

fn reason(step: Step) -> Option<Reason> {
    step.err().map(|failure| failure.reason)
}

#[test]
fn the_request_follows_the_acknowledgement() {
    let mut call = call();
    assert_eq!(call.say(), b"");
    assert_eq!(call.hear(SETTINGS), Ok(None));
    let expected = [
        ACKNOWLEDGED.to_vec(),
        frame(frame::HEADERS, frame::END_HEADERS, 1, HEAD),
        frame(frame::DATA, frame::END_STREAM, 1, BODY),
    ]
    .concat();
    assert_eq!(call.say(), expected);
    assert_eq!(call.hear(SETTINGS), Ok(None));
    assert_eq!(call.say(), ACKNOWLEDGED, "asked once");
    assert_eq!(call.hear(&answer()), Ok(Some(ServingStatus::Serving)));
}

#[test]
fn a_server_that_takes_no_streams_is_asked_when_it_does() {
    let mut call = call();
    call.hear(&setting(MAX_CONCURRENT_STREAMS, 0)).unwrap();
    assert_eq!(call.say(), ACKNOWLEDGED);
    call.hear(&setting(MAX_CONCURRENT_STREAMS, 1)).unwrap();
    assert!(
        call.say()
            .ends_with(&frame(frame::DATA, frame::END_STREAM, 1, BODY))
    );
}

#[test]
fn a_small_window_is_kept_to_until_it_grows() {
    let mut call = call();
    call.hear(&setting(INITIAL_WINDOW_SIZE, 2)).unwrap();
    assert!(call.say().ends_with(&frame(frame::DATA, 0, 1, &BODY[..2])));
    // One byte less than nothing is left, then one byte more.
    call.hear(&setting(INITIAL_WINDOW_SIZE, 1)).unwrap();
    assert_eq!(call.say(), ACKNOWLEDGED);
    call.hear(&frame(frame::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 2]))
        .unwrap();
    assert_eq!(call.say(), frame(frame::DATA, 0, 1, &BODY[2..3]));
    call.hear(&frame(frame::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 9]))
        .unwrap();
    assert_eq!(call.say(), b"", "the connection's window is another");
    call.hear(&setting(INITIAL_WINDOW_SIZE, 65_535)).unwrap();
    assert!(
        call.say()
            .ends_with(&frame(frame::DATA, frame::END_STREAM, 1, &BODY[3..]))
    );
}

#[test]
fn a_ping_is_answered_and_an_answer_to_none_is_not() {
    let mut call = call();
    call.hear(&frame(frame::PING, 0, 0, b"12345678")).unwrap();
    assert_eq!(call.say(), frame(frame::PING, frame::ACK, 0, b"12345678"));
    call.hear(&frame(frame::PING, frame::ACK, 0, b"12345678"))
        .unwrap();
    assert_eq!(call.say(), b"");
}

#[test]
fn padding_priority_continuations_interim_answers_and_unknown_frames_are_understood() {
    let block = head();
    let padded = [&[3, 0, 0, 0, 9, 7][..], &block[..5], &[0; 3]].concat();
    let flags = frame::PADDED | frame::WITH_PRIORITY;
    let bytes = [
        frame(frame::HEADERS, frame::END_HEADERS, 1, b"\x08\x03103"),
        frame(frame::HEADERS, flags, 1, &padded),
        frame(frame::CONTINUATION, 0, 1, &block[5..7]),
        frame(frame::CONTINUATION, frame::END_HEADERS, 1, &block[7..]),
        frame(0x2, 0, 7, &[0; 5]),
        frame(0xfa, 0xff, 3, b"whatever"),
        frame(
            frame::DATA,
            frame::PADDED,
            1,
            &[&[2][..], SERVING, &[0; 2]].concat(),
        ),
        frame(
            frame::HEADERS,
            frame::END_HEADERS | frame::END_STREAM,
            1,
            &trailers(),
        ),
    ];
    assert_eq!(
        after_settings(&bytes.concat()),
        Ok(Some(ServingStatus::Serving))
    );
}

#[test]
fn what_http2_forbids_is_a_matter_of_protocol() {
    let whole = frame::END_HEADERS;
    for (what, bytes) in [
        ("a frame too long", vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1]),
        ("SETTINGS on a stream", frame(frame::SETTINGS, 0, 1, &[])),
        (
            "a stray byte in SETTINGS",
            frame(frame::SETTINGS, 0, 0, &[0; 7]),
        ),
        (
            "an acknowledgement with more",
            frame(frame::SETTINGS, frame::ACK, 0, &[0; 6]),
        ),
        ("a window too large", setting(INITIAL_WINDOW_SIZE, 1 << 31)),
        ("frames too short", setting(MAX_FRAME_SIZE, 16_383)),
        ("a short PING", frame(frame::PING, 0, 0, &[0; 7])),
        ("a short GOAWAY", frame(frame::GOAWAY, 0, 0, &[0; 7])),
        (
            "a window that grows by nothing",
            frame(frame::WINDOW_UPDATE, 0, 0, &[0; 4]),
        ),
        (
            "a window beyond all",
            frame(frame::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]),
        ),
        (
            "a short RST_STREAM",
            frame(frame::RST_STREAM, 0, 1, &[0; 3]),
        ),
        ("a promise", frame(frame::PUSH_PROMISE, whole, 1, &[0; 4])),
        ("another stream", frame(frame::HEADERS, whole, 3, &head())),
        (
            "a rest of nothing",
            frame(frame::CONTINUATION, whole, 1, &head()),
        ),
        ("a message first", frame(frame::DATA, 0, 1, SERVING)),
        (
            "more padding than payload",
            frame(frame::HEADERS, whole | frame::PADDED, 1, &[9, 0x88]),
        ),
        ("a broken block", frame(frame::HEADERS, whole, 1, &[0xbe])),
        (
            "a block that is interrupted",
            [frame(frame::HEADERS, 0, 1, &[0x88]), SETTINGS.to_vec()].concat(),
        ),
        (
            "a block that goes on with nothing",
            [
                frame(frame::HEADERS, 0, 1, &[0x88]),
                frame(frame::CONTINUATION, 0, 1, &[]),
            ]
            .concat(),
        ),
        (
            "trailers that end nothing",
            [
                frame(frame::HEADERS, whole, 1, &head()),
                frame(frame::HEADERS, whole, 1, &trailers()),
            ]
            .concat(),
        ),
        (
            "more than the window",
            [
                frame(frame::HEADERS, whole, 1, &head()),
                // Nothing but padding.
                frame(
                    frame::DATA,
                    frame::PADDED,
                    1,
                    &[&[255][..], &[0; 255]].concat(),
                )
                .repeat(257),
            ]
            .concat(),
        ),
    ] {
        assert_eq!(
            reason(after_settings(&bytes)),
            Some(Reason::Protocol),
            "{what}"
        );
    }
    let mut early = call();
    let answered = early.hear(&frame(frame::HEADERS, whole, 1, &head()));
    assert_eq!(
        reason(answered),
        Some(Reason::Protocol),
        "an answer before the question"
    );
}

#[test]
fn goaway_and_reset_say_their_code() {
    let text = b"too_many_pings";
    let goaway = frame(
        frame::GOAWAY,
        0,
        0,
        &[&[0, 0, 0, 0, 0, 0, 0, 11][..], text].concat(),
    );
    let failure = after_settings(&goaway).unwrap_err();
    assert_eq!(failure.reason, Reason::Goaway);
    assert_eq!(
        &*failure.detail,
        "GOAWAY with ENHANCE_YOUR_CALM: too_many_pings"
    );

    let failure = after_settings(&frame(frame::RST_STREAM, 0, 1, &[0, 0, 0, 99])).unwrap_err();
    assert_eq!(failure.reason, Reason::Reset);
    assert_eq!(&*failure.detail, "the server reset the stream with code 99");

    let goaway = frame(frame::GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]);
    let answered = after_settings(&[goaway.clone(), answer()].concat());
    assert_eq!(
        answered,
        Ok(Some(ServingStatus::Serving)),
        "this stream is still answered"
    );
    assert_eq!(
        reason(call().hear(&goaway)),
        Some(Reason::Goaway),
        "no stream is taken any more"
    );
}

/// Any frame, more often than not one that could stand in an answer.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let flags = prop_oneof![
        Just(0),
        Just(frame::END_HEADERS),
        Just(frame::END_STREAM),
        Just(frame::END_HEADERS | frame::END_STREAM),
        any::<u8>(),
    ];
    let stream = prop_oneof![4 => Just(1), 2 => Just(0), 1 => any::<u32>()];
    let payload = prop_oneof![
        Just(head()),
        Just(trailers()),
        Just(SERVING.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..64),
    ];
    (0..12_u8, flags, stream, payload)
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload))
}

/// Frames with a few bytes of them changed.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let frames = proptest::collection::vec(any_frame(), 0..12);
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    (frames, changes).prop_map(|(frames, changes)| {
        let mut bytes = frames.concat();
        for (place, byte) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn however_the_bytes_arrive_the_outcome_is_the_same(bytes in hostile_bytes(), size in 1..40_usize) {
        let at_once = after_settings(&bytes);
        let mut call = call();
        let mut in_parts = call.hear(SETTINGS);
        for part in bytes.chunks(size) {
            if in_parts != Ok(None) {
                break;
            }
            in_parts = call.hear(part);
            // A frame at the most, and no more than an answer for each that was heard.
            prop_assert!(call.heard.len() < Header::LENGTH + frame::LONGEST);
            prop_assert!(call.say().len() <= 64 + 17 * size);
        }
        prop_assert_eq!(at_once, in_parts);
    }
}
