// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
import Transport

/// Why the archive cannot be used.
package struct ArchiveFault: Error, Equatable, Sendable, CustomStringConvertible {
    package var operation: String
    package var detail: String
    /// The question took longer than it may.
    package var isTimeout = false

    package var description: String { "\(operation): \(detail)" }
}

/// A value as SQLite knows it.
enum SQLValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case text([UInt8])
    case blob([UInt8])
}

/// One connection to an SQLite file. Confined to one queue or thread at a time; owner of the door to SQLite with `Statement`.
@safe
final class Database {
    fileprivate let handle: OpaquePointer
    /// When a question that runs is cut off; nil: never.
    private var deadline: MonotonicTime?

    /// Opens the file, or makes it unless `isReading`.
    init(path: String, isReading: Bool) throws(ArchiveFault) {
        var opened: OpaquePointer?
        let flags =
            isReading
            ? SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
            : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let database = unsafe opened else {
            let reason = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close_v2(opened)
            throw ArchiveFault(operation: "open \(path)", detail: reason)
        }
        unsafe handle = database
        // The file holds user names and addresses: for its owner only.
        if !isReading { _ = unsafe chmod(path, 0o600) }
        unsafe sqlite3_busy_timeout(database, 5_000)
    }

    deinit { unsafe sqlite3_close_v2(handle) }

    func execute(_ sql: String) throws(ArchiveFault) {
        if unsafe sqlite3_exec(handle, sql, nil, nil, nil) != SQLITE_OK {
            throw fault(sql.split(separator: " ").prefix(3).joined(separator: " "))
        }
    }

    /// The first number of the first row; 0 when there is none.
    func number(_ sql: String, _ values: [SQLValue] = []) throws(ArchiveFault) -> Int64 {
        let statement = try Statement(self, sql, values)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// Rows that the last statement changed.
    var changes: Int { unsafe Int(sqlite3_changes(handle)) }

    /// Statements that run longer than `time` from now are cut off; nil: none is.
    func limit(_ time: Duration?) {
        deadline = time.map { MonotonicTime.now() + $0 }
        if deadline == nil {
            unsafe sqlite3_progress_handler(handle, 0, nil, nil)
            return
        }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_progress_handler(
            handle, 20_000,
            { context in
                guard let context = unsafe context else { return 0 }
                let database = unsafe Unmanaged<Database>.fromOpaque(context).takeUnretainedValue()
                return database.isLate ? 1 : 0
            }, context)
    }

    private var isLate: Bool { deadline.map { MonotonicTime.now() > $0 } ?? false }

    fileprivate func fault(_ operation: String) -> ArchiveFault {
        let isTimeout = unsafe sqlite3_errcode(handle) == SQLITE_INTERRUPT
        return ArchiveFault(
            operation: operation,
            detail: isTimeout ? "the question took too long" : unsafe String(cString: sqlite3_errmsg(handle)),
            isTimeout: isTimeout)
    }
}

/// One prepared statement of a `Database`, which it keeps open. Confined as that is.
@safe
final class Statement {
    private let database: Database
    private let handle: OpaquePointer

    init(_ database: Database, _ sql: String, _ values: [SQLValue] = []) throws(ArchiveFault) {
        var prepared: OpaquePointer?
        let code = unsafe sqlite3_prepare_v2(database.handle, sql, -1, &prepared, nil)
        guard code == SQLITE_OK, let prepared = unsafe prepared else { throw database.fault("prepare") }
        self.database = database
        unsafe handle = prepared
        for (index, value) in values.enumerated() { bind(Int32(index + 1), value) }
    }

    deinit { unsafe sqlite3_finalize(handle) }

    func bind(_ place: Int32, _ value: SQLValue) {
        // SQLITE_TRANSIENT: SQLite keeps a copy of its own.
        let copy = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: _ = unsafe sqlite3_bind_null(handle, place)
        case .integer(let number): _ = unsafe sqlite3_bind_int64(handle, place, number)
        case .text(let bytes):
            unsafe bytes.withUnsafeBytes { buffer in
                // An empty array has no address, and no address would be NULL.
                let base = unsafe buffer.baseAddress.map { unsafe $0.assumingMemoryBound(to: CChar.self) }
                if let base = unsafe base {
                    _ = unsafe sqlite3_bind_text(handle, place, base, Int32(bytes.count), copy)
                } else {
                    _ = unsafe sqlite3_bind_text(handle, place, "", 0, copy)
                }
            }
        case .blob(let bytes):
            _ = unsafe bytes.withUnsafeBytes { buffer in
                unsafe sqlite3_bind_blob(handle, place, buffer.baseAddress, Int32(bytes.count), copy)
            }
        }
    }

    /// Steps to the next row; false: there is none.
    func step() throws(ArchiveFault) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw database.fault("step")
        }
    }

    /// Runs a statement that gives no rows, and makes it ready for the next time.
    func run() throws(ArchiveFault) {
        let code = unsafe sqlite3_step(handle)
        if code != SQLITE_DONE && code != SQLITE_ROW {
            let fault = database.fault("step")
            _ = unsafe sqlite3_reset(handle)
            throw fault
        }
        _ = unsafe sqlite3_reset(handle)
    }

    func reset() { _ = unsafe sqlite3_reset(handle) }

    // MARK: Columns of the row

    func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

    func isInteger(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_INTEGER }

    func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

    /// Appends the bytes of a text or blob.
    func append(_ column: Int32, to out: inout [UInt8]) {
        guard let base = unsafe sqlite3_column_blob(handle, column) else { return }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        unsafe out.append(contentsOf: UnsafeRawBufferPointer(start: base, count: count))
    }

    func bytes(_ column: Int32) -> [UInt8] {
        var out: [UInt8] = []
        append(column, to: &out)
        return out
    }

    /// Any scalar as text.
    func text(_ column: Int32) -> String? {
        guard let text = unsafe sqlite3_column_text(handle, column) else { return nil }
        return unsafe String(cString: text)
    }
}
