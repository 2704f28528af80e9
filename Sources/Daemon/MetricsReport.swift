// SPDX-License-Identifier: Apache-2.0
import Admin
import Archive
import Glibc
import Proxy
import Rules
import Shipping

/// Turns counts into metric families.
struct MetricsReport {
    let counters: Counters
    let services: [String]
    let rules: [String]
    let events: Shipper.Statistics?
    let archive: EventStore.Statistics?
    let losses: (droppedBytes: UInt64, writeErrors: UInt64)?
    let reload: ReloadOutcome
    let policy: Policy

    func families() -> [MetricFamily] { traffic() + logins() + configuration() + process() }

    private func traffic() -> [MetricFamily] {
        var requests = MetricFamily("loginward_requests_total", .counter, "Requests by service and verdict.")
        for (slot, service) in services.enumerated() {
            for (index, verdict) in Counters.outcomes.enumerated() {
                let place = slot * Counters.outcomes.count + index
                let value = place < counters.requests.count ? counters.requests[place] : 0
                if slot == 0 && value == 0 { continue }
                requests.add([("service", service.isEmpty ? "none" : service), ("verdict", verdict)], Double(value))
            }
        }
        var refusals = MetricFamily("loginward_refusals_total", .counter, "Requests refused, by reason.")
        for (reason, value) in zip(Counters.refusalReasons, counters.refusals) {
            refusals.add([("reason", reason)], Double(value))
        }
        var matches = MetricFamily(
            "loginward_rule_matches_total", .counter, "Matches by rule, also of rules that only monitor.")
        for (index, rule) in rules.enumerated() where index < counters.ruleMatches.count {
            matches.add([("rule", rule)], Double(counters.ruleMatches[index]))
        }
        var floods = MetricFamily(
            "loginward_http2_floods_total", .counter, "HTTP/2 connections ended for too much of one kind of frame.")
        for (kind, value) in zip(Counters.floodLabels, counters.http2Floods) {
            floods.add([("kind", kind)], Double(value))
        }
        let rates = rates()
        return [
            requests, refusals, matches, durations(), floods, rates.displaced, rates.uncounted,
            count("loginward_http2_connections_total", "Connections that spoke HTTP/2.", counters.http2Connections),
            count("loginward_http2_streams_total", "Requests on HTTP/2 connections.", counters.http2Streams),
            count(
                "loginward_http2_malformed_total", "HTTP/2 requests whose stream was reset as malformed.",
                counters.http2Malformed),
            MetricFamily("loginward_connections", .gauge, "Open client connections.", value: Double(counters.open)),
            count("loginward_connections_accepted_total", "Client connections accepted.", counters.accepted),
            count(
                "loginward_connections_evicted_total", "Waiting client connections that made room for new ones.",
                counters.evicted),
            count(
                "loginward_accept_paused_total", "Times that accepting paused for lack of descriptors.",
                counters.acceptPaused),
            count(
                "loginward_handshake_errors_total", "TLS handshakes with clients that failed.", counters.handshakeErrors
            ),
            count(
                "loginward_proxy_protocol_errors_total", "Connections without a valid PROXY preface.",
                counters.prefaceErrors),
            count("loginward_received_bytes_total", "Bytes of requests.", counters.bytesIn),
            count("loginward_sent_bytes_total", "Bytes of answers.", counters.bytesOut),
            count(
                "loginward_upstream_connections_total", "Connections opened to upstreams.", counters.upstreamConnections
            ),
            count("loginward_upstream_errors_total", "Faults of upstream connections.", counters.upstreamErrors),
            count("loginward_upstream_retries_total", "Requests that were sent again.", counters.upstreamRetries),
            count(
                "loginward_upstream_put_aside_total", "Times that a server was left alone for its faults.",
                counters.serversPutAside),
            count(
                "loginward_denylist_hits_total", "Requests that an entry of the denylist stood against.",
                counters.denylistHits),
            count(
                "loginward_undelayed_total", "Requests that a rule wanted to wait and that found no place.",
                counters.undelayed),
            count(
                "loginward_uninspected_bodies_total", "Bodies that could not be read and passed.",
                counters.uninspectedBodies),
        ]
    }

    private func rates() -> (displaced: MetricFamily, uncounted: MetricFamily) {
        var displaced = MetricFamily(
            "loginward_rate_keys_displaced_total", .counter,
            "Keys of a rate limit that were forgotten early, by limit; a reload that changes it begins anew.")
        var uncounted = MetricFamily(
            "loginward_rate_uncounted_total", .counter, "Requests that a rate limit had no place to count, by limit.")
        for table in policy.rates + (policy.requestLimit.map { [$0] } ?? []) {
            let found = table.statistics
            displaced.add([("limit", table.identity)], Double(found.displaced))
            uncounted.add([("limit", table.identity)], Double(found.uncounted))
        }
        return (displaced, uncounted)
    }

    private func durations() -> MetricFamily {
        var family = MetricFamily(
            "loginward_request_duration_seconds", .histogram, "From the request's head to the end of the answer.")
        var sum: UInt64 = 0
        for (index, bound) in Counters.durationBounds.enumerated() {
            sum += counters.durations[index]
            family.add([("le", "\(Double(bound) / 1_000_000)")], Double(sum), suffix: "_bucket")
        }
        sum += counters.durations[Counters.durationBounds.count]
        family.add([("le", "+Inf")], Double(sum), suffix: "_bucket")
        family.add([], Double(counters.durationMicroseconds) / 1_000_000, suffix: "_sum")
        family.add([], Double(sum), suffix: "_count")
        return family
    }

    private func logins() -> [MetricFamily] {
        var logins = MetricFamily("loginward_login_events_total", .counter, "Login events by service and outcome.")
        for (slot, service) in services.enumerated() where slot > 0 {
            for (index, outcome) in Counters.loginOutcomes.enumerated() {
                let place = slot * Counters.loginOutcomes.count + index
                logins.add(
                    [("service", service), ("outcome", outcome)],
                    place < counters.logins.count ? Double(counters.logins[place]) : 0)
            }
        }
        var sinks = MetricFamily("loginward_sink_events_total", .counter, "Events by collector and result.")
        var pending = MetricFamily("loginward_sink_pending_events", .gauge, "Events that wait for a collector.")
        var dropped = counters.eventsDropped + (events?.abandoned ?? 0)
        for sink in events?.sinks ?? [] {
            sinks.add([("sink", sink.name), ("result", "sent")], Double(sink.sent))
            sinks.add([("sink", sink.name), ("result", "retried")], Double(sink.retried))
            sinks.add([("sink", sink.name), ("result", "rejected")], Double(sink.rejected))
            sinks.add([("sink", sink.name), ("result", "dropped")], Double(sink.dropped))
            pending.add([("sink", sink.name)], Double(sink.pending))
            dropped += sink.dropped
        }
        return [
            logins, sinks, pending,
            count(
                "loginward_account_events_total",
                "Events that are no attempts: sign-ups, resets and an application's own.",
                counters.accountEvents),
            count(
                "loginward_detection_blocks_total", "Login attempts that were refused as part of an attack.",
                counters.attackBlocks),
            count(
                "loginward_detection_withheld_total", "Successes that were held back as part of an attack.",
                counters.withheldLogins),
            count(
                "loginward_detection_challenges_total",
                "Attempts that the service was told to ask for a second proof.", counters.challengedLogins),
            count(
                "loginward_mimicked_logins_total", "Requests that were answered as the service answers a failed login.",
                counters.mimickedLogins),
            count(
                "loginward_unreadable_reports_total", "X-Loginward-Event fields that hold no event.",
                counters.unreadableReports),
            count("loginward_events_dropped_total", "Login events that were lost for good, at any stage.", dropped),
            MetricFamily(
                "loginward_spool_bytes", .gauge, "Bytes of events on disk.", value: Double(events?.spoolBytes ?? 0)),
            count(
                "loginward_spool_damaged_records_total", "Records of the spool that could not be read.",
                events?.damaged ?? 0),
            count("loginward_spool_write_errors_total", "Writes to the spool that failed.", events?.writeErrors ?? 0),
            count("loginward_archive_events_total", "Events stored in the archive.", archive?.stored ?? 0),
            count(
                "loginward_archive_lost_events_total", "Events that the archive could not store.", archive?.lost ?? 0),
            count(
                "loginward_access_log_dropped_bytes_total", "Access log bytes lost to a slow disk.",
                losses?.droppedBytes ?? 0),
            count(
                "loginward_access_log_write_errors_total", "Writes to the access log that failed.",
                losses?.writeErrors ?? 0),
        ]
    }

    private func configuration() -> [MetricFamily] {
        var build = MetricFamily("loginward_build_info", .gauge, "The program's version.")
        build.add([("version", Version.text)], 1)
        return [
            build,
            MetricFamily(
                "loginward_config_last_reload_successful", .gauge, "1 when the last load was taken over.",
                value: reload.isGood ? 1 : 0),
            MetricFamily(
                "loginward_config_generation", .gauge, "Loads that were taken over.", value: Double(reload.generation)),
            MetricFamily(
                "loginward_config_last_reload_timestamp_seconds", .gauge, "When the last load was tried.",
                value: Double(reload.unixSeconds)),
            MetricFamily(
                "loginward_denylist_entries", .gauge, "Entries of the denylist.", value: Double(policy.denylist.count)),
            MetricFamily(
                "loginward_allowlist_entries", .gauge, "Entries of the allowlist.",
                value: Double(policy.allowlist.count)),
            MetricFamily("loginward_rules", .gauge, "Rules in force.", value: Double(policy.ruleset.count)),
        ]
    }

    private func process() -> [MetricFamily] {
        var usage = rusage()
        _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds =
            Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
        return [
            count(
                "loginward_restarts_total", "Times that the parent of `run --supervise` started the daemon again.",
                ProcessFacts.restarts),
            MetricFamily("process_cpu_seconds_total", .counter, "User and system time.", value: seconds),
            MetricFamily(
                "process_resident_memory_bytes", .gauge, "Resident memory.", value: Double(ProcessFacts.residentBytes)),
            MetricFamily("process_open_fds", .gauge, "Open descriptors.", value: Double(ProcessFacts.openDescriptors)),
        ]
    }

    private func count(_ name: String, _ help: String, _ value: UInt64) -> MetricFamily {
        MetricFamily(name, .counter, help, value: Double(value))
    }
}

/// What the kernel says of this process.
enum ProcessFacts {
    /// By the keeper; 0 without one.
    static var restarts: UInt64 {
        unsafe getenv(Keeper.restartsVariable).flatMap { unsafe UInt64(String(cString: $0)) } ?? 0
    }

    static var residentBytes: Int {
        guard case .success(let bytes) = FileAccess.read("/proc/self/statm") else { return 0 }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    static var openDescriptors: Int {
        guard let directory = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(directory) }
        var count = -3
        while unsafe readdir(directory) != nil { count += 1 }
        return count
    }
}
