// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Wire

/// Reads recorded attempts, one JSON object a line. Owned by one replay.
struct ReplayReader {
    /// Longest line that is read.
    private static let lineLimit = 1 << 20

    private(set) var time: Double?
    private(set) var client: IPAddress?
    private(set) var login: [UInt8] = []
    private(set) var account: UInt64 = 0
    private(set) var device: UInt64 = 0
    private(set) var password: UInt64 = 0
    private(set) var exists: Bool?
    private(set) var succeeded: Bool?
    /// It is for the reset or the sign-up page.
    private(set) var isReconnoitring = false
    private(set) var headers = HeaderList()
    private(set) var tls: [UInt8] = []

    private let path: String
    private let cookie: [UInt8]
    private let hash: KeyedHash
    private let file: LineFile
    private var values = NamedValues()
    private var line: [UInt8] = []
    private var number = 0

    init(_ path: String, deviceCookie: String, hash: KeyedHash) throws(ReplayTrouble) {
        self.path = path
        cookie = Array(deviceCookie.utf8)
        self.hash = hash
        file = try LineFile(path)
    }

    func trouble(_ what: String) -> ReplayTrouble { ReplayTrouble(description: "\(path):\(number): \(what)") }

    /// Reads the next line that is not empty. False: there is none.
    mutating func next() throws(ReplayTrouble) -> Bool {
        repeat {
            guard try file.next(into: &line, limit: ReplayReader.lineLimit) else { return false }
            number += 1
        } while line.isEmpty
        values.reset()
        do throws(ContentError) {
            let text = line
            try JSONReader.read(text.span, into: &values)
        } catch {
            throw trouble("\(error.reason) at byte \(error.offset + 1)")
        }
        // A verdict over half a line would be one over another attempt.
        if values.isIncomplete { throw trouble("more values than can be read, or nested too deep") }
        take()
        return true
    }

    private mutating func take() {
        (time, client, exists, succeeded) = (nil, nil, nil, nil)
        (account, device, password) = (0, 0, 0)
        login.removeAll(keepingCapacity: true)
        tls.removeAll(keepingCapacity: true)
        headers.removeAll()
        let values = values
        var fieldName = ByteRange.empty
        var (route, path) = (ByteRange.empty, ByteRange.empty)
        for entry in values.entries {
            let name = values.arena.span.slice(entry.name)
            let value = values.arena.span.slice(entry.value)
            if name.count > 8 && ByteScan.equals(name.extracting(0..<8), "headers.") {
                // "headers.N.0" is a name, "headers.N.1" its value.
                if name[name.count - 1] == UInt8(ascii: "0") && name[name.count - 2] == UInt8(ascii: ".") {
                    fieldName = entry.value
                } else if !fieldName.isEmpty {
                    headers.append(values.arena.span.slice(fieldName), value)
                    readDevice(values.arena.span.slice(fieldName), value)
                    fieldName = .empty
                }
                continue
            }
            if entry.kind == .null { continue }
            if ByteScan.equals(name, "route") { route = entry.value }
            if ByteScan.equals(name, "path") { path = entry.value }
            takeField(name, value, entry.kind)
        }
        isReconnoitring = ReconRoute.isNamed(
            route: values.arena.span.slice(route), path: values.arena.span.slice(path))
        account = login.isEmpty ? 0 : hash.of(login.span)
    }

    private mutating func takeField(_ name: Span<UInt8>, _ value: Span<UInt8>, _ kind: NamedValues.Kind) {
        if ByteScan.equals(name, "time") {
            var text: [UInt8] = []
            text.append(value)
            time = Double(String(decoding: text, as: UTF8.self))
        } else if ByteScan.equals(name, "client_ip") {
            client = IPAddress(value)
        } else if ByteScan.equals(name, "usr.login") {
            // Most services take a name in any case.
            for index in value.indices { login.append(ByteSearch.lowercased(value[index])) }
        } else if ByteScan.equals(name, "usr.exists") {
            exists = ByteScan.equals(value, "true")
        } else if ByteScan.equals(name, "outcome") {
            succeeded = ByteScan.equals(value, "success") ? true : ByteScan.equals(value, "failure") ? false : nil
        } else if ByteScan.equals(name, "password_token") {
            password = value.isEmpty ? 0 : hash.of(value)
        } else if ByteScan.equals(name, "ja4") {
            tls.append(value)
        } else if ByteScan.equals(name, "device") {
            device = value.isEmpty ? 0 : hash.of(value)
        }
    }

    private mutating func readDevice(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        if !ByteScan.equalsFolding(name, "cookie") { return }
        var from = 0
        while let pair = CookieReader.next(in: value, from: &from) {
            let text = value.slice(pair.value)
            if ByteSearch.equals(value.slice(pair.name), cookie.span) && !text.isEmpty {
                device = hash.of(text)
                return
            }
        }
    }
}
