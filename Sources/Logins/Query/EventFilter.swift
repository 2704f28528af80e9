// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Which events are meant: what a query says, understood. Immutable. The archive makes SQL of it, `holds` asks it of one event.
public indirect enum EventFilter: Equatable, Sendable {
    case everything
    case all([EventFilter])
    case any([EventFilter])
    case not(EventFilter)
    case test(EventField, EventTest)

    /// Whether `event` is one of them.
    public func holds(for event: LoginEvent) -> Bool {
        switch self {
        case .everything: true
        case .all(let filters): filters.allSatisfy { $0.holds(for: event) }
        case .any(let filters): filters.contains { $0.holds(for: event) }
        case .not(let filter): !filter.holds(for: event)
        case .test(let field, let test): test.holds(for: field, of: event)
        }
    }
}

/// What the value of one field must be. A value that is unknown passes no test.
public enum EventTest: Equatable, Sendable {
    /// It is known.
    case present
    case text([UInt8])
    case pattern(TextPattern)
    /// Addresses from one to another, both among them.
    case addresses(IPAddress, IPAddress)
    /// Numbers from one to another, both among them: microseconds (of times: since 1970) or plain.
    case numbers(Int64, Int64)
    case flag(Bool)

    func holds(for field: EventField, of event: LoginEvent) -> Bool {
        switch self {
        case .present: return event.text(of: field) != nil
        case .flag(let wanted): return (field == .blocked ? event.isBlocked : event.exists) == wanted
        case .addresses(let first, let last):
            let address = field == .peerIP ? event.peer : event.client
            return !address.isUnspecified && !(address < first) && !(last < address)
        case .numbers(let first, let last):
            switch field {
            case .time: return (first...last).contains(event.unixNanoseconds / 1_000)
            case .duration: return (first...last).contains(Int64(clamping: event.durationMicroseconds))
            default: return event.status > 0 && (first...last).contains(Int64(event.status))
            }
        case .text(let wanted):
            guard let value = event.text(of: field) else { return false }
            if field == .headerNames { return value.split(separator: 10).contains { $0.elementsEqual(wanted) } }
            return value == wanted
        case .pattern(let pattern):
            guard let value = event.text(of: field) else { return false }
            return pattern.matches(value.span)
        }
    }
}

/// A text with wildcards: `*` stands for any bytes, `?` for one character. Immutable; matching takes at most the product of both lengths.
public struct TextPattern: Equatable, Sendable {
    /// A letter of a pattern.
    public enum Letter: Equatable, Sendable {
        case byte(UInt8)
        case one, many
    }

    /// No two `many` stand side by side.
    public let letters: [Letter]

    public init(_ letters: [Letter]) {
        var kept: [Letter] = []
        for letter in letters where letter != .many || kept.last != .many { kept.append(letter) }
        self.letters = kept
    }

    /// Goes back to the last `*` only: what an earlier one could take, the last one can too.
    public func matches(_ text: Span<UInt8>) -> Bool {
        var place = 0
        var index = 0
        var retry: (place: Int, index: Int)?
        while index < text.count {
            if place < letters.count, letters[place] == .many {
                retry = (place + 1, index)
                place += 1
                continue
            }
            if place < letters.count, let next = TextPattern.step(letters[place], text, index) {
                place += 1
                index = next
                continue
            }
            guard let (again, from) = retry else { return false }
            retry = (again, from + 1)
            (place, index) = (again, from + 1)
        }
        return letters[place...].allSatisfy { $0 == .many }
    }

    /// The index behind what a letter takes of the text at `index`.
    private static func step(_ letter: Letter, _ text: Span<UInt8>, _ index: Int) -> Int? {
        switch letter {
        case .byte(let byte): return text[index] == byte ? index + 1 : nil
        case .one:
            var next = index + 1
            while text[index] >= 0xc0 && next < text.count && text[next] & 0xc0 == 0x80 { next += 1 }
            return next
        case .many: return nil
        }
    }
}
