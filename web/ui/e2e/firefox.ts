import { firefox, type Browser } from 'playwright-core';

/**
 * Real Firefox with its own synthetic camera and microphone, driven by WebDriver BiDi. Nothing of it asks the internet: so it also has no
 * OpenH264, which Firefox fetches after its installation, and offers VP8 only.
 */
export function launchFirefox(): Promise<Browser> {
  return firefox.launch({
    channel: 'moz-firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    firefoxUserPrefs: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      // The near host has no TLS, which cameras otherwise need.
      'media.devices.insecure.enabled': true,
      'media.getusermedia.insecure.enabled': true,
      'media.autoplay.default': 0,
      'media.autoplay.block-webaudio': false,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'media.peerconnection.ice.loopback': true,
      'media.gmp-manager.updateEnabled': false,
      'media.gmp-provider.enabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'app.update.enabled': false,
      'app.normandy.enabled': false,
      'toolkit.telemetry.enabled': false,
      'datareporting.policy.dataSubmissionEnabled': false,
      'browser.safebrowsing.malware.enabled': false,
      'browser.safebrowsing.phishing.enabled': false,
      'services.settings.server': 'http://127.0.0.1:9/',
      'network.dns.disablePrefetch': true,
      'network.prefetch-next': false,
    },
  });
}
