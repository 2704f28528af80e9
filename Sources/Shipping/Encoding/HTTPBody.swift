// SPDX-License-Identifier: Apache-2.0
import Wire

/// Puts documents together as one request body, in the framing that a receiver expects. Owned by whoever
/// writes one request.
struct HTTPBody {
    let framing: SinkDescription.Framing
    let host: String

    static func contentType(_ framing: SinkDescription.Framing) -> String {
        switch framing {
        case .ndjson, .elasticBulk: "application/x-ndjson"
        case .array, .splunkHEC, .loki: "application/json"
        }
    }

    /// Elasticsearch says of each document what became of it: only that is asked for.
    static func url(_ url: String, _ framing: SinkDescription.Framing) -> String {
        if framing != .elasticBulk || url.contains("filter_path=") { return url }
        return url + (url.contains("?") ? "&" : "?") + "filter_path=errors,items.*.status,items.*.error"
    }

    private var bytes: [UInt8] = []
    private var count = 0
    private var streams: [(service: [UInt8], name: [UInt8], values: JSONWriter)] = []

    init(_ framing: SinkDescription.Framing, host: String) {
        self.framing = framing
        self.host = host
        if framing == .array { bytes.append(UInt8(ascii: "[")) }
    }

    /// Appends what `event` was written as.
    mutating func add(_ document: [UInt8], of event: EventFields) {
        switch framing {
        case .ndjson:
            bytes.append(contentsOf: document)
            bytes.append(10)
        case .array:
            if count > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: document)
        case .splunkHEC: addForSplunk(document, event)
        case .elasticBulk:
            var json = JSONWriter()
            json.beginObject()
            json.open("create")
            // With the event's own id a repetition is refused as a conflict and makes no second document.
            json.field("_id", event["id"])
            json.endObject()
            json.endObject()
            bytes.append(contentsOf: json.bytes)
            bytes.append(10)
            bytes.append(contentsOf: document)
            bytes.append(10)
        case .loki: addForLoki(document, event)
        }
        count += 1
    }

    private mutating func addForSplunk(_ document: [UInt8], _ event: EventFields) {
        var json = JSONWriter()
        let milliseconds = event.unixNanoseconds / 1_000_000
        let fraction = String(milliseconds % 1_000)
        json.beginObject()
        json.key("time")
        let zeroes = String(repeating: "0", count: 3 - fraction.utf8.count)
        json.raw("\(milliseconds / 1_000).\(zeroes)\(fraction)".utf8.span)
        json.field("host", host)
        json.field("source", "loginward")
        json.field("sourcetype", "loginward:login")
        json.key("event")
        json.raw(document.span)
        json.endObject()
        if count > 0 { bytes.append(10) }
        bytes.append(contentsOf: json.bytes)
    }

    /// One stream for each service and kind of event: few labels, as their product is what Loki's index grows with.
    private mutating func addForLoki(_ document: [UInt8], _ event: EventFields) {
        let service = event["service"] ?? []
        let name = event["event"] ?? []
        let known = streams.firstIndex { $0.service == service && $0.name == name }
        if known == nil { streams.append((service, name, JSONWriter())) }
        let index = known ?? streams.count - 1
        streams[index].values.beginArray()
        streams[index].values.string(String(event.unixNanoseconds))
        streams[index].values.string(document.span)
        streams[index].values.endArray()
    }

    /// The body, when all is in it.
    consuming func finish() -> [UInt8] {
        switch framing {
        case .ndjson, .splunkHEC, .elasticBulk: return bytes
        case .array: return bytes + [UInt8(ascii: "]")]
        case .loki:
            var json = JSONWriter()
            json.beginObject()
            json.key("streams")
            json.beginArray()
            for stream in streams {
                json.beginObject()
                json.open("stream")
                json.field("job", "loginward")
                json.field("service", stream.service)
                json.field("event", stream.name)
                json.endObject()
                json.key("values")
                json.beginArray()
                json.raw(stream.values.bytes.span)
                json.endArray()
                json.endObject()
            }
            json.endArray()
            json.endObject()
            return json.bytes
        }
    }
}
