// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// A signal as JSON, as a replay writes it.
enum SignalReport {
    static func identifier(_ number: Int) -> String {
        let digits = String(number)
        return number == 0 ? "" : "signal-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// `line` are the numbers of attempts that are evidence; names that nobody kept are left out.
    static func line(of signal: Signal, time: Double, names: [UInt64: [UInt8]], after bytes: [UInt8]) -> [UInt8] {
        var json = JSONWriter(bytes)
        json.beginObject()
        json.key("time")
        json.raw(Array(decimal(time).utf8).span)
        json.key("id")
        json.string(identifier(signal.number))
        json.key("type")
        json.string(signal.type.rawValue)
        json.key("severity")
        json.string(signal.severity.text)
        json.key("state")
        json.string(signal.state.rawValue)
        json.key("onset")
        json.raw(Array(decimal(signal.onset).utf8).span)
        json.key("attempts")
        json.number(Int64(signal.attempts))
        json.key("accounts")
        json.number(Int64(signal.accounts.count))
        json.key("stopped")
        json.number(Int64(signal.stopped))
        json.key("withheld")
        json.number(Int64(signal.withheld))
        if !signal.restraint.isEmpty {
            json.key("restraint")
            json.string(signal.restraint)
        }
        json.key("lines")
        json.beginArray()
        for number in signal.evidence { json.number(Int64(clamping: number)) }
        json.endArray()
        write("accounts_targeted", signal.accounts, names, &json)
        write("compromised", signal.compromised, names, &json)
        writeTraits(signal, &json)
        json.endObject()
        return json.bytes
    }

    /// Signals as JSON lines, newest first.
    static func list(of signals: [(signal: Signal, names: [UInt64: [UInt8]])]) -> [UInt8] {
        var text: [UInt8] = []
        for entry in signals {
            text = line(of: entry.signal, time: entry.signal.updatedAt, names: entry.names, after: text)
            text.append(10)
        }
        return text
    }

    private static func write(
        _ key: StaticString, _ accounts: [UInt64], _ names: [UInt64: [UInt8]], _ json: inout JSONWriter
    ) {
        json.key(key)
        json.beginArray()
        for account in accounts {
            if let name = names[account] { json.string(name.span) }
        }
        json.endArray()
    }

    private static func writeTraits(_ signal: Signal, _ json: inout JSONWriter) {
        json.key("traits")
        json.beginArray()
        for trait in signal.traits {
            json.beginObject()
            json.key("all")
            json.beginArray()
            for word in trait.words { json.string(word) }
            json.endArray()
            json.key("share")
            json.raw(Array(decimal(trait.share).utf8).span)
            json.key("lift")
            json.raw(Array(decimal(trait.lift).utf8).span)
            json.key("collateral_ppm")
            json.raw(Array(decimal(trait.collateral).utf8).span)
            json.endObject()
        }
        json.endArray()
    }

    /// Three digits behind the point.
    private static func decimal(_ value: Double) -> String {
        let thousandths = Int64((value * 1_000).rounded())
        let rest = String(abs(thousandths % 1_000))
        let sign = thousandths < 0 && thousandths > -1_000 ? "-" : ""
        return "\(sign)\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }
}
