// The names of the simulated world, for users: what flywheel/runtime/sim promises to keep.
//
// A World is a pure function of its seed. Add hosts, spawn what your service's main would await, break things with
// At/After, let virtual time pass with RunFor or Run, and look. Everything is described where it is made.
#pragma once

#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/host.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::testing {

using World = sim::SimWorld;
using sim::ConnectionInfo;
using sim::CrashKind;
using sim::DiskCall;
using sim::DiskOptions;
using sim::LinkOptions;
using sim::NameFault;
using sim::ResolverOptions;
using sim::SimDisk;
using sim::SimFabric;
using sim::SimHost;
using sim::SimHostOptions;
using sim::SimReport;
using sim::TcpOptions;
using sim::Way;

}  // namespace flywheel::inline v0::testing
