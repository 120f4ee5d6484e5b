# Both images, for both architectures:
#
#   docker buildx bake --file deploy/docker/docker-bake.hcl --load --set '*.platform=linux/amd64'    for this machine
#   docker buildx bake --file deploy/docker/docker-bake.hcl --print                                  what would be built
#
# A release sets the variables and builds archives of it: .github/workflows/release.yml.

variable "REGISTRY" {
  default = "holdfast"
}

variable "VERSION" {
  default = "0.0.0-local"
}

variable "REVISION" {
  default = "unknown"
}

variable "SOURCE" {
  default = ""
}

# name@sha256:… in a release, so that both images and both architectures stand on the same files.
variable "NODE_IMAGE" {
  default = "node:26-bookworm-slim"
}

# Of the commit, in seconds: the times of files in the layers, so that the same sources give the same layers.
variable "SOURCE_DATE_EPOCH" {
  default = ""
}

group "default" {
  targets = ["control-api", "socket-edge"]
}

target "both" {
  context   = "."
  platforms = ["linux/amd64", "linux/arm64"]
  args = {
    NODE_IMAGE        = NODE_IMAGE
    VERSION           = VERSION
    REVISION          = REVISION
    SOURCE            = SOURCE
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
}

target "control-api" {
  inherits   = ["both"]
  dockerfile = "apps/control-api/Dockerfile"
  tags       = ["${REGISTRY}/control-api:${VERSION}"]
}

target "socket-edge" {
  inherits   = ["both"]
  dockerfile = "apps/socket-edge/Dockerfile"
  tags       = ["${REGISTRY}/socket-edge:${VERSION}"]
}
