"""Every endpoint, one line (or a few) each."""

from __future__ import annotations

from lateen.proxy.admin import (
    certs,
    client_status,
    clusters,
    config_dump,
    drain,
    listeners,
    logging,
    memory,
    ready,
    recent_lookups,
    runtime,
    server_info,
    small,
    stats,
)
from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.endpoint import Endpoint, Parameter
from lateen.proxy.admin.exchange import HTML, AdminRequest, AdminResponse
from lateen.proxy.admin.help import help_text
from lateen.proxy.admin.home import home_page

_LEVELS = ("", "trace", "debug", "info", "warning", "error", "critical", "off")
_ENABLE = (Parameter("enable", "y switches it on, n off", ("y", "n")),)
_STATS = (
    Parameter("usedonly", "only stats that were written since the start", switch=True),
    Parameter("filter", "regular expression that is searched in the names"),
    Parameter("invert_filter", "stats that the filter does not match", switch=True),
)


def _home(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    return AdminResponse(home_page(ENDPOINTS), content_type=HTML)


def _help(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    return AdminResponse(help_text(ENDPOINTS))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/", "Admin home page", _home),
    Endpoint("/allocprofiler", "not supported", small.heap_profiler, True, _ENABLE),
    Endpoint("/certs", "certificates and when they expire", certs.certs),
    Endpoint(
        "/clusters",
        "clusters and their hosts",
        clusters.clusters,
        parameters=(Parameter("filter", "regular expression that is searched in the names"),),
    ),
    Endpoint(
        "/config_dump",
        "the configuration in force",
        config_dump.config_dump,
        parameters=(
            Parameter("resource", "one list of resources, such as static_clusters"),
            Parameter("mask", "fields to show, a FieldMask; of each resource if one is named"),
            Parameter("name_regex", "regular expression that the whole name of a resource matches"),
            Parameter("include_eds", "with the endpoints of every cluster", switch=True),
        ),
    ),
    Endpoint("/contention", "mutex contention (not traced)", small.contention),
    Endpoint("/cpuprofiler", "not supported", small.cpu_profiler, True, _ENABLE),
    Endpoint(
        "/csds",
        "the state of every resource that comes over xDS (ClientStatusResponse)",
        client_status.csds,
        parameters=(Parameter("exclude_resource_contents", "without the resources", switch=True),),
    ),
    Endpoint(
        "/drain_listeners",
        "stop listening; connections close after their request",
        drain.drain_listeners,
        True,
        (
            Parameter("graceful", "stop only after the drain time", switch=True),
            Parameter("skip_exit", "drain connections but never stop listening", switch=True),
            Parameter("inboundonly", "listeners with traffic_direction INBOUND", switch=True),
        ),
    ),
    Endpoint("/healthcheck/fail", "look unhealthy", drain.fail_health_check, True),
    Endpoint("/healthcheck/ok", "look healthy again", drain.pass_health_check, True),
    Endpoint("/heap_dump", "not supported", memory.unsupported_heap_dump),
    Endpoint("/heapprofiler", "not supported", small.heap_profiler, True, _ENABLE),
    Endpoint("/help", "this list", _help),
    Endpoint("/hot_restart_version", "version of hot restart", small.hot_restart_version),
    Endpoint(
        "/init_dump",
        "what the start waits for",
        small.init_dump,
        parameters=(Parameter("mask", "the component to show, a FieldMask"),),
    ),
    Endpoint(
        "/listeners",
        "listeners and their addresses",
        listeners.listeners,
        parameters=(Parameter("format", "how to print it", ("text", "json")),),
    ),
    Endpoint(
        "/logging",
        "show or change log levels",
        logging.logging,
        True,
        (
            Parameter("paths", "levels of some components: upstream:debug,config:trace"),
            Parameter("group", "level of a group of files (fine-grain logging; not supported)"),
            Parameter("level", "level of all components", _LEVELS),
        ),
    ),
    Endpoint("/memory", "memory of the process", memory.memory),
    Endpoint("/memory/tcmalloc", "not supported", small.tcmalloc),
    Endpoint("/peak_heap_dump", "not supported", memory.unsupported_heap_dump),
    Endpoint("/quitquitquit", "drain and exit", drain.quit_server, True),
    Endpoint("/ready", "the state; 200 when it is LIVE, else 503", ready.ready),
    Endpoint("/reopen_logs", "open log files anew", small.reopen_logs, True),
    Endpoint("/reset_counters", "set all counters to 0", stats.reset_counters, True),
    Endpoint("/runtime", "runtime values", runtime.runtime),
    Endpoint(
        "/runtime_modify",
        "set runtime keys to the values of the query, or remove those with an empty value",
        runtime.runtime_modify,
        True,
    ),
    Endpoint("/server_info", "version, state, flags and node", server_info.server_info),
    Endpoint(
        "/stats",
        "counters, gauges and histograms",
        stats.stats,
        parameters=(
            *_STATS,
            Parameter("format", "how to print them", ("html", "active-html", "text", "json")),
            Parameter(
                "type",
                "kinds of stats",
                ("All", "Counters", "Histograms", "Gauges", "TextReadouts"),
            ),
            Parameter(
                "histogram_buckets",
                "how to print histograms",
                ("cumulative", "disjoint", "detailed", "summary"),
            ),
        ),
    ),
    Endpoint(
        "/stats/prometheus",
        "stats for Prometheus",
        stats.prometheus,
        parameters=(
            _STATS[0],
            Parameter("text_readouts", "show text readouts, as gauges of value 0", switch=True),
            *_STATS[1:],
            Parameter("histogram_buckets", "how to print histograms", ("cumulative", "summary")),
        ),
    ),
    Endpoint("/stats/recentlookups", "lookups of stats by name", recent_lookups.recent_lookups),
    Endpoint("/stats/recentlookups/clear", "forget them", recent_lookups.clear, True),
    Endpoint("/stats/recentlookups/disable", "do not record them", recent_lookups.disable, True),
    Endpoint("/stats/recentlookups/enable", "record them", recent_lookups.enable, True),
)
