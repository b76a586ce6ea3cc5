/**
 * The keys of com.apple.vpn.managed, …applayer and com.apple.dnsSettings.managed that hold no secret, at any depth. Source:
 * apple/device-management mdm/profiles @b6202ca; DNSSettings with CommonPayloadKeys.yaml. The value of any other key is withheld: nobody
 * knows what it holds.
 */
export const knownKeys: ReadonlySet<string> = new Set(
  `PayloadType PayloadVersion PayloadIdentifier PayloadUUID PayloadDisplayName PayloadDescription PayloadOrganization PayloadEnabled
  UserDefinedName VPNType VPNSubType VPNUUID CellularSliceUUID VPN IPSec IKEv2 PPP TransparentProxy AlwaysOn IPv4 DNS Proxies VendorConfig
  Realm Role Group LoginGroupOrDomain
  OnDemandEnabled OnDemandUserOverrideDisabled OnDemandMatchAppEnabled OnDemandMatchDomainsAlways OnDemandMatchDomainsNever
  OnDemandMatchDomainsOnRetry OnDemandRules Action ActionParameters Domains DomainAction RequiredDNSServers RequiredURLStringProbe
  DNSDomainMatch DNSServerAddressMatch InterfaceTypeMatch SSIDMatch URLStringProbe
  AuthenticationMethod PayloadCertificateUUID ProviderBundleIdentifier ProviderDesignatedRequirement ProviderType DisconnectOnIdle
  DisconnectOnIdleTimer IncludeAllNetworks EnforceRoutes ExcludeLocalNetworks ExcludeCellularServices ExcludeAPNs
  ExcludeDeviceCommunication RemoteAddress CommRemoteAddress LocalIdentifier LocalIdentifierType RemoteIdentifier CertificateType
  ExtendedAuthEnabled AuthName AuthEAPPlugins AuthProtocol TokenCard CCPEnabled CCPMPPE40Enabled CCPMPPE128Enabled XAuthName
  XAuthEnabled XAuthPasswordEncryption PromptForVPNPIN OverridePrimary Order
  DeadPeerDetectionRate ServerCertificateIssuerCommonName ServerCertificateCommonName TLSMinimumVersion TLSMaximumVersion
  UseConfigurationAttributeInternalIPSubnet DisableMOBIKE DisableRedirect NATKeepAliveOffloadEnable NATKeepAliveInterval EnablePFS
  EnableCertificateRevocationCheck EnableFallback MTU PPKIdentifier PPKMandatory IKESecurityAssociationParameters
  ChildSecurityAssociationParameters EncryptionAlgorithm IntegrityAlgorithm DiffieHellmanGroup LifeTimeInMinutes
  DNSSettings DNSProtocol ServerURL ServerName ServerAddresses SearchDomains DomainName SupplementalMatchDomains
  SupplementalMatchDomainsNoSearch ProhibitDisablement
  ProxyAutoConfigEnable ProxyAutoDiscoveryEnable ProxyAutoConfigURLString HTTPEnable HTTPProxy HTTPPort HTTPProxyUsername HTTPSEnable
  HTTPSProxy HTTPSPort HTTPSProxyUsername
  UIToggleEnabled TunnelConfigurations ProtocolType Interfaces ServiceExceptions ServiceName ApplicationExceptions BundleIdentifier
  LimitToProtocols AllowCaptiveWebSheet AllowAllCaptiveNetworkPlugins AllowedCaptiveNetworkPlugins
  SafariDomains MailDomains CalendarDomains ContactsDomains AssociatedDomains ExcludedDomains SMBDomains`
    .trim()
    .split(/\s+/),
);

/** Names under which secrets stand, known or by their look. */
export const secretName =
  /pass|secret|psk|ppk|private|credential|token|wgquick|auth.?key|api.?key|pin$|payloadcontent/i;
