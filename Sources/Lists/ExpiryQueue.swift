// SPDX-License-Identifier: Apache-2.0
import Rules

/// What ends when, the earliest first, so that nobody looks at what has not ended: a binary heap. An entry that was changed or removed stays in it until
/// its old time comes; its owner knows better. Confined to its owner's lock.
struct ExpiryQueue {
    struct Item {
        var expires: Int64
        var list: ListName
        var subject: ListSubject
    }

    private var items: [Item] = []

    var count: Int { items.count }

    init() {}

    init(_ items: [Item]) {
        self.items = items
        for index in stride(from: items.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    mutating func insert(_ item: Item) {
        items.append(item)
        var place = items.count - 1
        while place > 0 && items[place].expires < items[(place - 1) / 2].expires {
            items.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// The earliest one, if it ends by `now`.
    mutating func popEnded(now: Int64) -> Item? {
        guard let first = items.first, first.expires <= now else { return nil }
        items.swapAt(0, items.count - 1)
        items.removeLast()
        sink(0)
        return first
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < items.count && items[child].expires < items[least].expires {
                least = child
            }
            if least == place { return }
            items.swapAt(place, least)
            place = least
        }
    }
}
