// SPDX-License-Identifier: Apache-2.0
import Wire

/// What a receiver says of the single events of a batch. Pure; every answer is hostile.
package enum BulkAnswer {
    /// What became of one document.
    package struct Item: Equatable, Sendable {
        package var status: Int
        /// Empty when there is none.
        package var reason: String
    }

    /// The items of an answer of Elasticsearch's `_bulk`; nil when it is none, or not one for so many documents.
    package static func items(of answer: [UInt8], count: Int) -> [Item]? {
        guard let list = itemList(answer) else { return nil }
        var items: [Item] = []
        var values = NamedValues()
        var index = list
        while index < answer.count {
            let byte = answer[index]
            if byte == UInt8(ascii: "]") { return items.count == count ? items : nil }
            if byte == UInt8(ascii: "{") {
                guard let end = endOfObject(answer, from: index), items.count < count,
                    let item = item(Array(answer[index..<end]), &values)
                else { return nil }
                items.append(item)
                index = end
            } else if byte == UInt8(ascii: ",") || isSpace(byte) {
                index += 1
            } else {
                return nil
            }
        }
        return nil
    }

    /// Which event of a batch Splunk could not read (`invalid-event-number`, from 0): those before it are taken, those behind it are not.
    package static func invalidEvent(in answer: [UInt8]) -> Int? {
        var values = NamedValues()
        do throws(ContentError) {
            try JSONReader.read(answer.span, into: &values)
        } catch {
            return nil
        }
        return values.first(named: "invalid-event-number".utf8.span).flatMap { Int(text(values, $0)) }
    }

    private static func item(_ object: [UInt8], _ values: inout NamedValues) -> Item? {
        values.reset()
        do throws(ContentError) {
            try JSONReader.read(object.span, into: &values)
        } catch {
            return nil
        }
        var item = Item(status: 0, reason: "")
        for index in values.entries.indices {
            let parts = String(decoding: values.arena[values.entries[index].name.bounds], as: UTF8.self)
                .split(separator: ".", omittingEmptySubsequences: false)
            if parts.count == 2 && parts[1] == "status" { item.status = Int(text(values, index)) ?? 0 }
            // Its kind, and not its text: that may repeat what the event holds.
            if parts.count == 3 && parts[1] == "error" && parts[2] == "type" {
                item.reason = String(text(values, index).prefix(100))
            }
        }
        return item.status == 0 ? nil : item
    }

    private static func text(_ values: NamedValues, _ index: Int) -> String {
        String(decoding: values.arena[values.entries[index].value.bounds], as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

    /// Behind the bracket that opens the list `items` of the outermost object.
    private static func itemList(_ answer: [UInt8]) -> Int? {
        var depth = 0
        var index = 0
        while index < answer.count {
            switch answer[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case 34:
                guard let end = endOfString(answer, from: index) else { return nil }
                if depth == 1 && answer[index..<end].elementsEqual("\"items\"".utf8) {
                    var next = end
                    while next < answer.count && (isSpace(answer[next]) || answer[next] == UInt8(ascii: ":")) {
                        next += 1
                    }
                    return next < answer.count && answer[next] == UInt8(ascii: "[") ? next + 1 : nil
                }
                index = end
                continue
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func endOfObject(_ answer: [UInt8], from start: Int) -> Int? {
        var depth = 0
        var index = start
        while index < answer.count {
            switch answer[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return index + 1 }
            case 34:
                guard let end = endOfString(answer, from: index) else { return nil }
                index = end
                continue
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func endOfString(_ answer: [UInt8], from start: Int) -> Int? {
        var index = start + 1
        while index < answer.count {
            if answer[index] == 92 {
                index += 2
            } else if answer[index] == 34 {
                return index + 1
            } else {
                index += 1
            }
        }
        return nil
    }
}
