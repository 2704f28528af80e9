// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes batches of native lines as OTLP export requests, and reads what collectors answer. Pure; the host's name is given.
package struct OTLPEncoder: Sendable {
    package static let schema: StaticString = "https://opentelemetry.io/schemas/1.44.0"
    package static let version: StaticString = "0.1.0"

    let host: [UInt8]
    let encoding: SinkDescription.Encoding

    package init(host: String, encoding: SinkDescription.Encoding) {
        self.host = Array(host.utf8)
        self.encoding = encoding
    }

    /// The request, and how many lines had to be left out because they are no events.
    package func encode(_ lines: [[UInt8]], observedUnixNanoseconds: UInt64) -> (body: [UInt8], unreadable: Int) {
        var services: [(name: [UInt8], records: [OTLPRecord])] = []
        var unreadable = 0
        var scratch = NamedValues()
        for index in lines.indices {
            guard let record = OTLPRecord(line: lines[index], scratch: &scratch) else {
                unreadable += 1
                continue
            }
            if let known = services.firstIndex(where: { $0.name == record.service }) {
                services[known].records.append(record)
            } else {
                services.append((record.service, [record]))
            }
        }
        switch encoding {
        case .json: return (writeJSON(services, observedUnixNanoseconds), unreadable)
        case .protobuf: return (writeProtobuf(services, observedUnixNanoseconds), unreadable)
        }
    }

    // MARK: JSON

    private func writeJSON(_ services: [(name: [UInt8], records: [OTLPRecord])], _ observed: UInt64) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("resourceLogs")
        json.beginArray()
        for service in services {
            json.beginObject()
            json.key("resource")
            json.beginObject()
            json.key("attributes")
            json.beginArray()
            attribute(Array("service.name".utf8), .string(service.name), &json)
            attribute(Array("host.name".utf8), .string(host), &json)
            json.endArray()
            json.endObject()
            json.key("scopeLogs")
            json.beginArray()
            json.beginObject()
            json.key("scope")
            json.beginObject()
            text("name", "loginward", &json)
            text("version", Self.version, &json)
            json.endObject()
            json.key("logRecords")
            json.beginArray()
            for record in service.records { write(record, observed, &json) }
            json.endArray()
            json.endObject()
            json.endArray()
            text("schemaUrl", Self.schema, &json)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private func write(_ record: OTLPRecord, _ observed: UInt64, _ json: inout JSONWriter) {
        json.beginObject()
        json.key("timeUnixNano")
        json.string(String(record.unixNanoseconds))
        json.key("observedTimeUnixNano")
        json.string(String(observed))
        json.key("severityNumber")
        json.number(Int64(record.severityNumber))
        text("severityText", record.severityText, &json)
        json.key("eventName")
        json.string(record.eventName.span)
        json.key("body")
        json.beginObject()
        json.key("stringValue")
        json.string(record.body.span)
        json.endObject()
        json.key("attributes")
        json.beginArray()
        for index in record.attributes.indices {
            attribute(record.attributes[index].key, record.attributes[index].value, &json)
        }
        json.endArray()
        json.endObject()
    }

    private func text(_ key: StaticString, _ value: StaticString, _ json: inout JSONWriter) {
        json.key(key)
        json.string(value.description)
    }

    private func attribute(_ key: [UInt8], _ value: OTLPRecord.Value, _ json: inout JSONWriter) {
        json.beginObject()
        json.key("key")
        json.string(key.span)
        json.key("value")
        self.value(value, &json)
        json.endObject()
    }

    private func value(_ value: OTLPRecord.Value, _ json: inout JSONWriter) {
        json.beginObject()
        switch value {
        case .string(let bytes):
            json.key("stringValue")
            json.string(bytes.span)
        case .integer(let number):
            json.key("intValue")
            json.string(String(number))
        case .boolean(let value):
            json.key("boolValue")
            json.boolean(value)
        case .double(let number):
            json.key("doubleValue")
            json.raw(Array(String(number).utf8).span)
        case .strings(let list):
            json.key("arrayValue")
            json.beginObject()
            json.key("values")
            json.beginArray()
            for bytes in list { self.value(.string(bytes), &json) }
            json.endArray()
            json.endObject()
        }
        json.endObject()
    }

    // MARK: Protobuf

    private func writeProtobuf(_ services: [(name: [UInt8], records: [OTLPRecord])], _ observed: UInt64) -> [UInt8] {
        var request = ProtobufWriter()
        for service in services {
            var resource = ProtobufWriter()
            resource.bytes(1, attribute(Array("service.name".utf8), .string(service.name)))
            resource.bytes(1, attribute(Array("host.name".utf8), .string(host)))
            var scope = ProtobufWriter()
            scope.text(1, "loginward")
            scope.text(2, Self.version)
            var scopeLogs = ProtobufWriter()
            scopeLogs.bytes(1, scope.bytes)
            for record in service.records { scopeLogs.bytes(2, protobuf(record, observed)) }
            var resourceLogs = ProtobufWriter()
            resourceLogs.bytes(1, resource.bytes)
            resourceLogs.bytes(2, scopeLogs.bytes)
            resourceLogs.text(3, Self.schema)
            request.bytes(1, resourceLogs.bytes)
        }
        return request.bytes
    }

    private func protobuf(_ record: OTLPRecord, _ observed: UInt64) -> [UInt8] {
        var body = ProtobufWriter()
        body.bytes(1, record.body)
        var out = ProtobufWriter()
        out.fixed64(1, record.unixNanoseconds)
        out.integer(2, UInt64(record.severityNumber))
        out.text(3, record.severityText)
        out.bytes(5, body.bytes)
        for index in record.attributes.indices {
            out.bytes(6, attribute(record.attributes[index].key, record.attributes[index].value))
        }
        out.fixed64(11, observed)
        out.bytes(12, record.eventName)
        return out.bytes
    }

    private func attribute(_ key: [UInt8], _ value: OTLPRecord.Value) -> [UInt8] {
        var out = ProtobufWriter()
        out.bytes(1, key)
        out.bytes(2, protobuf(value))
        return out.bytes
    }

    private func protobuf(_ value: OTLPRecord.Value) -> [UInt8] {
        var inner = ProtobufWriter()
        switch value {
        // A protobuf string must be UTF-8; JSONReader's raw bytes need not be.
        case .string(let bytes): inner.bytes(1, Array(String(decoding: bytes, as: UTF8.self).utf8))
        case .boolean(let value): inner.integer(2, value ? 1 : 0)
        case .integer(let number): inner.integer(3, UInt64(bitPattern: number))
        case .double(let number): inner.fixed64(4, number.bitPattern)
        case .strings(let list):
            var values = ProtobufWriter()
            for bytes in list { values.bytes(1, protobuf(.string(bytes))) }
            inner.bytes(5, values.bytes)
        }
        return inner.bytes
    }

    // MARK: Answers

    /// `partialSuccess.rejectedLogRecords` of an export response; 0 when there is none.
    package func rejected(in response: [UInt8]) -> UInt64 {
        switch encoding {
        case .json:
            var values = NamedValues()
            do throws(ContentError) {
                try JSONReader.read(response.span, into: &values)
            } catch {
                return 0
            }
            let name = Array("partialSuccess.rejectedLogRecords".utf8)
            guard let index = values.first(named: name.span) else { return 0 }
            let range = values.entries[index].value
            return UInt64(String(decoding: values.arena[Int(range.start)..<Int(range.end)], as: UTF8.self)) ?? 0
        case .protobuf:
            guard let partial = ProtobufReader.field(1, in: response[...]), case .bytes(let inner) = partial,
                let count = ProtobufReader.field(1, in: inner), case .integer(let number) = count
            else { return 0 }
            return Int64(bitPattern: number) > 0 ? number : 0
        }
    }
}
