// SPDX-License-Identifier: Apache-2.0

/// What a peer may send too much of: cheap for it, not for us. The order is the order of the counters.
public enum Flood: UInt8, CaseIterable, Sendable {
    /// Streams that are opened and reset at once (CVE-2023-44487), by either side.
    case resets
    case settings, pings, priorities, windowUpdates
    /// DATA without data and without end.
    case emptyData
    /// Header blocks in many small pieces (CVE-2024-27316).
    case continuations
    /// A header block that grows far beyond its limit when it is decompressed.
    case headerBomb
    /// Frames of unknown types.
    case unknownFrames
    /// So many frames that their acknowledgements wait in line.
    case acknowledgements

    /// The label in metrics.
    public var label: StaticString {
        switch self {
        case .resets: "resets"
        case .settings: "settings"
        case .pings: "pings"
        case .priorities: "priorities"
        case .windowUpdates: "window_updates"
        case .emptyData: "empty_data"
        case .continuations: "continuations"
        case .headerBomb: "header_bomb"
        case .unknownFrames: "unknown_frames"
        case .acknowledgements: "acknowledgements"
        }
    }

    /// How many may come at once, and how many more each second. Well-behaved clients stay far below: a browser that leaves a page
    /// resets its open streams, a download of a GiB brings a window update for each few frames.
    var allowance: (burst: Int, perSecond: Int) {
        switch self {
        case .resets: (400, 40)
        case .settings: (32, 2)
        case .pings: (128, 8)
        case .priorities: (1_000, 100)
        case .windowUpdates: (20_000, 20_000)
        case .emptyData: (128, 16)
        // Counted for each header block (`FrameWalk`).
        case .continuations: (0, 0)
        case .headerBomb: (0, 0)
        case .unknownFrames: (256, 32)
        case .acknowledgements: (0, 0)
        }
    }
}

/// What one connection may still send of each kind. A value, part of a session.
struct FloodGuard {
    private var left: [Int] = Flood.allCases.map(\.allowance.burst)
    private var filledAt: UInt64 = 0

    /// Takes one. False: that was one too many. `now` in nanoseconds of a clock that never goes back.
    mutating func take(_ flood: Flood, now: UInt64) -> Bool {
        let place = Int(flood.rawValue)
        if left[place] > 0 {
            left[place] -= 1
            return true
        }
        refill(now)
        if left[place] <= 0 { return false }
        left[place] -= 1
        return true
    }

    /// Gives some back: what we sent is a reason to hear more.
    mutating func give(_ flood: Flood, _ count: Int = 1) {
        let place = Int(flood.rawValue)
        left[place] = min(flood.allowance.burst, left[place] + count)
    }

    private mutating func refill(_ now: UInt64) {
        let seconds = min(now &- filledAt, 3_600_000_000_000) / 1_000_000_000
        if seconds == 0 { return }
        filledAt = now
        for flood in Flood.allCases {
            let (burst, perSecond) = flood.allowance
            let place = Int(flood.rawValue)
            left[place] = min(burst, left[place] + perSecond * Int(seconds))
        }
    }

    init(now: UInt64) { filledAt = now }
}
