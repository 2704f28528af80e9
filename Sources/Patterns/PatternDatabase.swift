// SPDX-License-Identifier: Apache-2.0
import CVectorscan
import Glibc

/// Many regular expressions in one machine: one pass says which of them match. RE2 defines the language; Vectorscan runs what it can,
/// translated to mean the same (`PatternTranslation`), RE2 the rest. Immutable, shared. Owner of the door to Vectorscan.
@safe
public final class PatternDatabase: Sendable {
    public struct Source: Sendable {
        public var expression: String
        public var caseInsensitive: Bool

        public init(expression: String, caseInsensitive: Bool) {
            self.expression = expression
            self.caseInsensitive = caseInsensitive
        }
    }

    public let count: Int
    nonisolated(unsafe) private let database: OpaquePointer?
    /// Those that Vectorscan refused, with their numbers.
    private let others: [(index: Int, pattern: Pattern)]
    /// How many patterns run in Vectorscan.
    public var fastCount: Int { count - others.count }

    /// Compiles all; the error names the first that is no valid expression. `usesVectorscan: false` runs every pattern in RE2, which the
    /// differential test compares with.
    public init(_ sources: [Source], usesVectorscan: Bool = true) throws(PatternError) {
        var others: [(Int, Pattern)] = []
        var fast: [(Int, String, UInt32)] = []
        for (index, source) in sources.enumerated() {
            let pattern: Pattern
            do throws(PatternError) {
                pattern = try Pattern(source.expression, caseInsensitive: source.caseInsensitive)
            } catch {
                throw PatternError(message: error.message, index: index)
            }
            var flags = UInt32(HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY)
            if source.caseInsensitive { flags |= UInt32(HS_FLAG_CASELESS) }
            if usesVectorscan, let text = PatternTranslation.translate(source.expression) {
                fast.append((index, text, flags))
            } else {
                others.append((index, pattern))
            }
        }
        count = sources.count
        let (database, refused) = unsafe PatternDatabase.compileWhatGoes(&fast)
        unsafe self.database = unsafe database
        for index in refused {
            let source = sources[index]
            if let pattern = try? Pattern(source.expression, caseInsensitive: source.caseInsensitive) {
                others.append((index, pattern))
            }
        }
        self.others = others.map { (index: $0.0, pattern: $0.1) }
    }

    /// Takes out what Vectorscan names as the reason why it refuses, until it takes the rest; the numbers of what was taken out.
    private static func compileWhatGoes(
        _ patterns: inout [(Int, String, UInt32)]
    ) -> (database: OpaquePointer?, refused: [Int]) {
        var refused: [Int] = []
        while !patterns.isEmpty {
            var culprit = -1
            if let database = unsafe compile(patterns, &culprit) { return unsafe (database, refused) }
            guard patterns.indices.contains(culprit) else { break }
            refused.append(patterns.remove(at: culprit).0)
        }
        // Together they are too much for one database: RE2 takes all of them.
        return (nil, refused + patterns.map { $0.0 })
    }

    deinit { unsafe hs_free_database(database) }

    /// nil when it is refused; `culprit` is then the place of the pattern because of which, or -1.
    private static func compile(_ patterns: [(Int, String, UInt32)], _ culprit: inout Int) -> OpaquePointer? {
        let texts = unsafe patterns.map { unsafe strdup($0.1) }
        defer { unsafe texts.forEach { unsafe free($0) } }
        let pointers = unsafe texts.map { unsafe UnsafePointer<CChar>($0) }
        let flags = patterns.map { $0.2 }
        let numbers = patterns.map { UInt32($0.0) }
        var database: OpaquePointer?
        var failure: UnsafeMutablePointer<hs_compile_error_t>?
        let result = unsafe CVectorscan_compile(
            pointers, flags, numbers, UInt32(patterns.count), &database, &failure)
        if let failure = unsafe failure {
            culprit = unsafe Int(failure.pointee.expression)
            unsafe hs_free_compile_error(failure)
        }
        return unsafe result == HS_SUCCESS ? database : nil
    }

    /// Adds to the scratch of one worker what this database needs. Called off the hot path, when a policy comes into force.
    public func prepare(_ scratch: PatternScratch) {
        if let database = unsafe database { unsafe scratch.grow(for: database) }
        scratch.reserve(count)
        scratch.memory.removeAll()
    }

    /// Leaves the numbers of the patterns that match in `scratch.matched`, each once, in no order. A text that comes again and again and is no
    /// secret may be remembered.
    public func scan(_ text: Span<UInt8>, scratch: PatternScratch, remembers: Bool = false) {
        scratch.matched.removeAll(keepingCapacity: true)
        if !remembers {
            run(text, scratch)
            return
        }
        let address = UInt(bitPattern: ObjectIdentifier(self))
        if scratch.recall(address, text) { return }
        run(text, scratch)
        scratch.keep(address, text)
    }

    private func run(_ text: Span<UInt8>, _ scratch: PatternScratch) {
        if let database = unsafe database { unsafe scratch.run(database, text) }
        for index in others.indices where others[index].pattern.matches(text) {
            scratch.matched.append(UInt32(others[index].index))
        }
    }
}

/// One worker's working memory for scans. Confined to it; databases share it one after the other.
@safe
public final class PatternScratch {
    private var handle: OpaquePointer?
    /// Numbers of the patterns that the last scan found.
    public fileprivate(set) var matched: [UInt32] = []
    fileprivate var memory = ScanMemory()

    public init() {}

    fileprivate func recall(_ database: UInt, _ text: Span<UInt8>) -> Bool {
        memory.recall(database, text, into: &matched)
    }

    fileprivate func keep(_ database: UInt, _ text: Span<UInt8>) { memory.keep(database, text, matched) }

    deinit { unsafe hs_free_scratch(handle) }

    fileprivate func grow(for database: OpaquePointer) {
        let result = unsafe hs_alloc_scratch(database, &handle)
        precondition(result == HS_SUCCESS, "no memory for pattern scratch")
    }

    fileprivate func reserve(_ count: Int) { matched.reserveCapacity(count) }

    fileprivate func run(_ database: OpaquePointer, _ text: Span<UInt8>) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let result = unsafe text.withUnsafeBufferPointer { source in
            // An empty text has no address, and Vectorscan wants one.
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1) { empty in
                unsafe source.withMemoryRebound(to: CChar.self) { bytes in
                    unsafe CVectorscan_scan(
                        database, bytes.baseAddress ?? UnsafePointer(empty.baseAddress), UInt32(clamping: bytes.count),
                        handle,
                        { number, _, _, _, context in
                            guard let context = unsafe context else { return 1 }
                            unsafe Unmanaged<PatternScratch>.fromOpaque(context).takeUnretainedValue().matched.append(
                                number)
                            return 0
                        }, context)
                }
            }
        }
        precondition(result == HS_SUCCESS, "a scan failed: the scratch was not prepared")
    }
}
