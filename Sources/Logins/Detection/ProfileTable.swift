// SPDX-License-Identifier: Apache-2.0
import Wire

/// Header lists that were seen, each once, with their items and how often good and bad attempts carried them. Bounded: a list that nobody counts
/// any more makes room. Confined to the detector.
struct ProfileTable {
    static let limit = 32_768
    static let itemLimit = 1 << 19

    struct Profile {
        var identity: UInt64 = 0
        /// Places in `items`, sorted.
        var items: [Int32] = []
        /// Of the rings: unfamiliar and familiar successes, unfamiliar failures.
        var strange: Int32 = 0
        var good: Int32 = 0
        var failed: Int32 = 0
        /// Accounts of the familiar successes: a service that logs in all day is one.
        var accounts = SmallCount()
        /// Attempts of familiar users, with a half-life of half an hour.
        var familiar = 0.0
        var familiarAt = 0.0
        var usedAt = 0.0
        /// The list, for the words of a trait.
        var list = HeaderList()
        /// Version of the active traits for which `traits` holds, and one bit for each of them.
        var traitVersion = -1
        var traits: UInt64 = 0

        var isCounted: Bool { strange > 0 || good > 0 || failed > 0 }

        func familiarNow(_ now: Double) -> Double {
            familiar * Decay.factor(now - familiarAt, halfLife: 1_800)
        }
    }

    struct Item {
        var item: HeaderItem
        var uses: Int32 = 0
        /// Successes in the rings, of familiar and unfamiliar users.
        var good: Int32 = 0
    }

    private(set) var profiles: [Profile] = []
    private(set) var items: [Item] = []
    private var places: [UInt64: Int32] = [:]
    private var itemPlaces: [UInt64: Int32] = [:]
    private var freeItems: [Int32] = []
    private var hand = 0
    /// Bits of all accounts that came in, to estimate how many there are.
    private var accountBits = [UInt64](repeating: 0, count: 2_048)
    private var accountCount = 0
    private var reader: HeaderReader
    let hash: KeyedHash

    init(hash: KeyedHash) {
        self.hash = hash
        reader = HeaderReader(hash: hash)
    }

    /// The profile of a header list; -1 when there is no room for one more.
    mutating func intern(_ list: borrowing HeaderList, tls: Span<UInt8>, now: Double) -> Int32 {
        let identity = HeaderReader.identity(list, tls: tls, hash)
        if let place = places[identity] {
            profiles[Int(place)].usedAt = now
            return place
        }
        guard let place = room(now) else { return -1 }
        reader.read(list, tls: tls)
        var profile = Profile()
        profile.identity = identity
        profile.usedAt = now
        profile.list = HeaderReader.kept(list)
        profile.items.reserveCapacity(reader.items.count)
        for item in reader.items {
            if let number = intern(item) { profile.items.append(number) }
        }
        profile.items.sort()
        profiles[Int(place)] = profile
        places[identity] = place
        return place
    }

    private mutating func intern(_ item: HeaderItem) -> Int32? {
        if let number = itemPlaces[item.key] {
            items[Int(number)].uses += 1
            return number
        }
        let number: Int32
        if let free = freeItems.popLast() {
            number = free
            items[Int(number)] = Item(item: item, uses: 1)
        } else if items.count < ProfileTable.itemLimit {
            number = Int32(items.count)
            items.append(Item(item: item, uses: 1))
        } else {
            return nil
        }
        itemPlaces[item.key] = number
        return number
    }

    /// A free place: a new one, or that of a list that nobody counts and nobody sent for ten minutes.
    private mutating func room(_ now: Double) -> Int32? {
        if profiles.count < ProfileTable.limit {
            profiles.append(Profile())
            return Int32(profiles.count - 1)
        }
        for _ in 0..<256 {
            hand = (hand + 1) % profiles.count
            if profiles[hand].isCounted || now - profiles[hand].usedAt < 600 { continue }
            places[profiles[hand].identity] = nil
            unpin(profiles[hand].items)
            return Int32(hand)
        }
        return nil
    }

    /// Items of an active trait stay what they are.
    mutating func pin(_ numbers: [Int32]) { for number in numbers { items[Int(number)].uses += 1 } }

    /// Somebody uses them no more: what nobody uses is free.
    mutating func unpin(_ numbers: [Int32]) {
        for number in numbers {
            items[Int(number)].uses -= 1
            if items[Int(number)].uses > 0 { continue }
            itemPlaces[items[Int(number)].item.key] = nil
            freeItems.append(number)
        }
    }

    // MARK: Counts

    mutating func countStrange(_ place: Int32, by difference: Int32) {
        profiles[Int(place)].strange += difference
        for number in profiles[Int(place)].items { items[Int(number)].good += difference }
    }

    mutating func countGood(_ place: Int32, by difference: Int32) {
        profiles[Int(place)].good += difference
        if profiles[Int(place)].good == 0 { profiles[Int(place)].accounts = SmallCount() }
        for number in profiles[Int(place)].items { items[Int(number)].good += difference }
    }

    /// A familiar account came in with it.
    mutating func countAccount(_ place: Int32, _ account: UInt64) {
        profiles[Int(place)].accounts.insert(account)
        let bit = Int(account >> 12 & 131_071)
        if accountBits[bit >> 6] >> UInt64(bit & 63) & 1 == 0 {
            accountBits[bit >> 6] |= 1 << UInt64(bit & 63)
            accountCount += 1
        }
    }

    /// About how many different accounts came in; never much more than there were.
    var accounts: Double {
        let free = Double(max(4_096, 131_072 - accountCount)) / 131_072
        return -131_072 * Odds.logarithm(free)
    }

    mutating func countFailed(_ place: Int32, by difference: Int32) { profiles[Int(place)].failed += difference }

    mutating func countFamiliar(_ place: Int32, _ now: Double) {
        profiles[Int(place)].familiar = profiles[Int(place)].familiarNow(now) + 1
        profiles[Int(place)].familiarAt = now
    }

    mutating func setTraits(_ place: Int32, _ traits: UInt64, version: Int) {
        profiles[Int(place)].traits = traits
        profiles[Int(place)].traitVersion = version
    }

    /// Good attempts that carry the rarest of the telling items.
    func rarity(_ place: Int32) -> Int32 {
        var least = Int32.max
        for number in profiles[Int(place)].items where items[Int(number)].item.family.isTelling {
            least = min(least, items[Int(number)].good)
        }
        return least
    }

    /// Whether a profile has all of these items.
    func contains(_ place: Int32, _ wanted: [Int32]) -> Bool {
        for number in wanted where !hasItem(place, number) { return false }
        return true
    }

    private func hasItem(_ place: Int32, _ number: Int32) -> Bool {
        var (low, high) = (0, profiles[Int(place)].items.count)
        while low < high {
            let middle = (low + high) / 2
            let here = profiles[Int(place)].items[middle]
            if here == number { return true }
            if here < number { low = middle + 1 } else { high = middle }
        }
        return false
    }
}

extension ItemFamily {
    /// Rare values of these hardly ever belong to a person: the program makes them.
    var isTelling: Bool {
        switch self {
        case .consistency, .order, .spelling, .names, .neighbours, .present, .browserOrder, .tls: true
        case .absent, .value, .browserValue, .browser, .agent: false
        }
    }
}

/// Exponential forgetting.
enum Decay {
    /// What is left of 1 after `seconds`.
    @inline(__always)
    static func factor(_ seconds: Double, halfLife: Double) -> Double {
        if seconds <= 0 { return 1 }
        let steps = seconds / halfLife
        return steps > 60 ? 0 : power(steps)
    }

    /// 2^-x without the C library: eight halvings of the exponent's series, error below one in a million.
    private static func power(_ steps: Double) -> Double {
        let whole = steps.rounded(.down)
        let x = -(steps - whole) * 0.693_147_180_559_945_3
        var sum = 1.0
        var term = 1.0
        for number in 1...9 {
            term *= x / Double(number)
            sum += term
        }
        return sum / Double(UInt64(1) << UInt64(whole))
    }
}

// MARK: State

extension ProfileTable {
    func save(to body: inout StateWriter) {
        body.put(sparse: accountBits)
        body.put(count: items.count)
        for entry in items {
            body.put(entry.item.family.rawValue)
            body.put(entry.item.key)
            body.put(entry.item.field)
            body.put(entry.item.other)
            body.put(entry.item.code)
        }
        body.put(count: profiles.count)
        for profile in profiles {
            body.put(profile.identity)
            body.put(profile.usedAt)
            body.put(profile.familiar)
            body.put(profile.familiarAt)
            body.put(profile.accounts.bits)
            body.put(profile.list.bytes)
            body.put(count: profile.list.fields.count)
            for field in profile.list.fields {
                for place in [field.name.start, field.name.end, field.value.start, field.value.end] { body.put(place) }
            }
            body.put(count: profile.items.count)
            for number in profile.items { body.put(number) }
        }
    }

    /// Counts come with the rings: see `Detector.restored`. Items that nobody has are given back by `release`.
    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        accountBits = try body.sparse(accountBits.count)
        accountCount = accountBits.reduce(0) { $0 + $1.nonzeroBitCount }
        let itemCount = try body.count(ProfileTable.itemLimit, width: 14)
        items.reserveCapacity(itemCount)
        for _ in 0..<itemCount {
            guard let family = ItemFamily(rawValue: try body.number(UInt8.self)) else { throw .damaged }
            let key = try body.number(UInt64.self)
            let field = try body.number(Int16.self)
            let other = try body.number(Int16.self)
            let code = try body.number(UInt8.self)
            items.append(
                Item(item: HeaderItem(family: family, key: key, field: field, other: other, code: code)))
        }
        let count = try body.count(ProfileTable.limit, width: 44)
        profiles.reserveCapacity(count)
        for place in 0..<count {
            let profile = try loadProfile(&body)
            if profile.identity != 0 { places[profile.identity] = Int32(place) }
            for number in profile.items { items[Int(number)].uses += 1 }
            profiles.append(profile)
        }
    }

    private func loadProfile(_ body: inout StateReader) throws(StateProblem) -> Profile {
        var profile = Profile()
        profile.identity = try body.number(UInt64.self)
        profile.usedAt = try body.real()
        profile.familiar = max(0, try body.real())
        profile.familiarAt = try body.real()
        profile.accounts.bits = try body.number(UInt64.self)
        profile.list.bytes = try body.text(1 << 20)
        for _ in 0..<(try body.count(HeaderList.limit, width: 16)) {
            var places: [UInt32] = []
            for _ in 0..<4 { places.append(try body.number(UInt32.self)) }
            if places[0] > places[1] || places[2] > places[3] || places[1] > profile.list.bytes.count
                || places[3] > profile.list.bytes.count
            {
                throw .damaged
            }
            profile.list.fields.append(
                (ByteRange(Int(places[0]), Int(places[1])), ByteRange(Int(places[2]), Int(places[3]))))
        }
        for _ in 0..<(try body.count(4_096, width: 4)) {
            let number = try body.number(Int32.self)
            if !hasItem(number) || number <= profile.items.last ?? -1 { throw .damaged }
            profile.items.append(number)
        }
        return profile
    }

    func hasItem(_ number: Int32) -> Bool { number >= 0 && Int(number) < items.count }

    func hasProfile(_ place: Int32) -> Bool { place >= 0 && Int(place) < profiles.count }

    /// After all is read: what is used can be found, what is not is free.
    mutating func release() {
        for place in items.indices {
            if items[place].uses > 0 {
                itemPlaces[items[place].item.key] = Int32(place)
            } else {
                freeItems.append(Int32(place))
            }
        }
    }
}
