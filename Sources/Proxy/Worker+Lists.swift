// SPDX-License-Identifier: Apache-2.0
package import Rules
import Wire

/// The entries that were added at run time, as this loop has them.
extension Worker {
    /// Takes changes over, in the order of their making.
    package func change(_ changes: [ListChange]) {
        for change in changes {
            switch change {
            case .set(.deny, let entry): denied.set(entry)
            case .set(.allow, let entry): allowed.set(entry)
            case .remove(.deny, let subject): denied.remove(subject)
            case .remove(.allow, let subject): allowed.remove(subject)
            }
        }
    }

    func overlayIsEmpty(_ name: ListName) -> Bool { name == .deny ? denied.isEmpty : allowed.isEmpty }

    func overlayHas(_ kind: ListKind, _ name: ListName) -> Bool {
        name == .deny ? denied.has(kind) : allowed.has(kind)
    }

    func overlayNeedsRequestBody(_ name: ListName) -> Bool {
        name == .deny ? denied.needsRequestBody : allowed.needsRequestBody
    }

    func overlayHasSessionFingerprints(_ name: ListName) -> Bool {
        name == .deny ? denied.hasSessionFingerprints : allowed.hasSessionFingerprints
    }

    func findOverlay(_ name: ListName, address: IPAddress, now: Int64) -> ListHit? {
        name == .deny ? denied.find(address: address, now: now) : allowed.find(address: address, now: now)
    }

    func findOverlay(_ name: ListName, _ kind: ListKind, _ text: Span<UInt8>, now: Int64) -> ListHit? {
        name == .deny ? denied.find(kind, text, now: now) : allowed.find(kind, text, now: now)
    }

    func appendOverlayReason(of hit: ListHit, _ name: ListName, to out: inout [UInt8]) {
        if name == .deny { denied.appendReason(of: hit, to: &out) } else { allowed.appendReason(of: hit, to: &out) }
    }
}
