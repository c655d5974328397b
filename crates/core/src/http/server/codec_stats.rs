//! What the HTTP/2 codec counts of clients, under `http2.` of the whole process.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats#http-2-codec-statistics>

use lateen_http2::Counters;

use crate::http2::Gauges;
use crate::proto::ProcessStat;
use crate::worker::Worker;

/// Adds what the engine of a connection saw.
pub fn count(worker: &Worker, counters: &Counters) {
    if *counters == Counters::default() {
        return;
    }
    for (stat, count) in [
        (ProcessStat::ProcessHttp2RxReset, counters.rx_reset),
        (ProcessStat::ProcessHttp2TxReset, counters.tx_reset),
        (ProcessStat::ProcessHttp2HeaderOverflow, counters.header_overflow),
        (ProcessStat::ProcessHttp2HeaderListSizeTooLarge, counters.header_list_size_too_large),
        (ProcessStat::ProcessHttp2HeadersCbNoStream, counters.headers_cb_no_stream),
        (ProcessStat::ProcessHttp2RxMessagingError, counters.rx_messaging_error),
        (ProcessStat::ProcessHttp2InboundEmptyFramesFlood, counters.inbound_empty_frames_flood),
        (
            ProcessStat::ProcessHttp2InboundPriorityFramesFlood,
            counters.inbound_priority_frames_flood,
        ),
        (
            ProcessStat::ProcessHttp2InboundWindowUpdateFramesFlood,
            counters.inbound_window_update_frames_flood,
        ),
        (ProcessStat::ProcessHttp2OutboundFlood, counters.outbound_flood),
        (ProcessStat::ProcessHttp2OutboundControlFlood, counters.outbound_control_flood),
        (ProcessStat::ProcessHttp2ContinuationFlood, counters.continuation_flood),
        (ProcessStat::ProcessHttp2Trailers, counters.trailers),
        (ProcessStat::ProcessHttp2MetadataEmptyFrames, counters.metadata_empty_frames),
        (ProcessStat::ProcessHttp2StreamRefusedErrors, counters.stream_refused_errors),
        (ProcessStat::ProcessHttp2GoawaySent, counters.goaway_sent),
    ] {
        worker.process.add(stat, u64::from(count));
    }
}

/// Counts a connection that ended because a ping was not answered.
pub fn keepalive_timeout(worker: &Worker) {
    worker.process.inc(ProcessStat::ProcessHttp2KeepaliveTimeout);
}

/// Changes what is told of a connection.
pub fn gauges(worker: &Worker, before: &Gauges, now: &Gauges) {
    if before == now {
        return;
    }
    // Gauges are summed modulo 2^64, as every value of a block.
    for (stat, before, now) in [
        (ProcessStat::ProcessHttp2StreamsActive, before.streams, now.streams),
        (ProcessStat::ProcessHttp2OutboundFramesActive, before.frames, now.frames),
        (
            ProcessStat::ProcessHttp2OutboundControlFramesActive,
            before.control_frames,
            now.control_frames,
        ),
        (ProcessStat::ProcessHttp2PendingSendBytes, before.pending_bytes, now.pending_bytes),
    ] {
        worker.process.add(stat, now.wrapping_sub(before));
    }
}
